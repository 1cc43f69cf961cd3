using System.Runtime.CompilerServices;
using Dass.Grid.Client;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Notify.Reading;

/// <summary>Closed events as the grid keeps them.</summary>
internal sealed class EventLogReader(GridClient grid)
{
    private const int Page = 500;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30); // for a page

    /// <summary>
    /// Events by onset, oldest first. One that the grid adds while this reads may come or not, and one may come twice; all that were there
    /// before come.
    /// </summary>
    /// <param name="selection">What of them; its times are not used.</param>
    /// <param name="from">Onset at or after.</param>
    /// <param name="to">Onset before; at most 366 days later.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RpcException">The grid refuses or is away.</exception>
    public async IAsyncEnumerable<KeptEvent> ReadAsync(
        EventSelection selection, DateTime from, DateTime to, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new ListEventsRequest { Selection = selection.Clone(), PageSize = Page };
        (request.Selection.From, request.Selection.To) = (Timestamp.FromDateTime(from), Timestamp.FromDateTime(to));
        do
        {
            var page = await grid.Tagging.ListEventsAsync(
                request, deadline: DateTime.UtcNow + Patience, cancellationToken: cancellationToken).ConfigureAwait(false);
            foreach (var kept in page.Events)
            {
                yield return kept;
            }
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
    }
}
