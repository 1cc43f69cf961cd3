using System.Collections.Concurrent;
using Dass.Grid.Client;
using Dass.Grid.Notify.Reading;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Notify.Routes;

/// <summary>
/// Sounds that have begun and wait for a decision. One that is missed, e.g. because there are too many, is decided on when the log has it.
/// </summary>
internal sealed class OpenedEvents(GridClient grid, TimeProvider clock)
{
    private const int Most = 10_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ConcurrentQueue<(OpenedEvent Opened, long Since)> _waiting = new();

    public void Add(OpenedEvent opened)
    {
        if (_waiting.Count < Most)
        {
            _waiting.Enqueue((opened, clock.GetTimestamp()));
        }
    }

    /// <summary>The oldest as the log will have it, as far as it is known; it stays. Null: none waits.</summary>
    /// <exception cref="RpcException">The grid is away.</exception>
    public async Task<KeptEvent?> FirstAsync(CancellationToken cancellationToken)
    {
        while (_waiting.TryPeek(out var first))
        {
            var opened = first.Opened;
            try
            {
                // A subscription does not say when the stream began, which is a part of what the log knows an event by.
                var stream = await grid.Tagging.GetStreamAsync(
                    new GetStreamRequest { StreamId = opened.Stream }, deadline: DateTime.UtcNow + Patience,
                    cancellationToken: cancellationToken).ConfigureAwait(false);
                return new KeptEvent
                {
                    StreamId = opened.Stream,
                    Begun = stream.Entry.Begun,
                    Onset = Timestamp.FromDateTime(opened.Onset),
                    Offset = Timestamp.FromDateTime(opened.Heard),
                    Model = stream.Entry.Model,
                    Event = opened.Sound,
                };
            }
            catch (RpcException gone) when (
                gone.StatusCode is StatusCode.NotFound or StatusCode.Internal or StatusCode.DeadlineExceeded
                || clock.GetElapsedTime(first.Since) > Patience)
            {
                RemoveFirst(); // the log will have it, and other streams' sounds do not wait for this one
            }
        }
        return null;
    }

    public void RemoveFirst() => _waiting.TryDequeue(out _);
}
