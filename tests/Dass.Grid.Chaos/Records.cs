using System.Diagnostics;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Chaos;

/// <summary>What the grid keeps of a run: closed events, each once and at its time, and what each tenant has used.</summary>
/// <param name="Lost">Events that are not kept.</param>
/// <param name="Doubled">Events that are kept twice, or that there were none of.</param>
/// <param name="Moved">Events that are kept at another time than that at which they were heard.</param>
/// <param name="Usage">Tenants whose usage is not what their clients sent and received, in words.</param>
internal sealed record Records(int Lost, int Doubled, int Moved, IReadOnlyList<string> Usage)
{
    private const int Page = 1_000;
    private const double Rounding = 1e-3; // seconds
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30); // streams report now and then

    public bool AreExact => Lost == 0 && Doubled == 0 && Moved == 0 && Usage.Count == 0;

    /// <summary>Asks until the records are exact, or for as long as the patience lasts.</summary>
    /// <param name="gateways">Of the grid.</param>
    /// <param name="tenants">A key each, and the tenant's streams with what an undisturbed engine says of them.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<Records> CompareAsync(
        Gateways gateways, IReadOnlyList<(string Key, (ChaosStream Stream, Expected Expected)[] Runs)> tenants,
        CancellationToken cancellationToken)
    {
        for (var began = Stopwatch.GetTimestamp(); ; await Task.Delay(500, cancellationToken))
        {
            var records = new Records(0, 0, 0, []);
            foreach (var (key, runs) in tenants)
            {
                var gateway = gateways.Grpc(0);
                var headers = new Metadata { { "x-api-key", key } };
                records = records.Add(runs, await KeptAsync(gateway, headers, cancellationToken)).Add(
                    key, runs, await gateway.GetUsageAsync(new GetUsageRequest(), headers, cancellationToken: cancellationToken));
            }
            if (records.AreExact || Stopwatch.GetElapsedTime(began) > Patience)
            {
                return records;
            }
        }
    }

    private Records Add((ChaosStream Stream, Expected Expected)[] runs, List<KeptEvent> kept)
    {
        var places = kept.ToLookup(sound => (sound.StreamId, sound.Event.Id), sound => sound.Onset.ToDateTime());
        var (lost, doubled, moved, known) = (Lost, Doubled, Moved, 0);
        foreach (var (stream, expected) in runs)
        {
            foreach (var (id, onset) in expected.Closed)
            {
                var times = places[(stream.Id, id)].ToArray();
                known += times.Length;
                lost += times.Length == 0 ? 1 : 0;
                doubled += Math.Max(0, times.Length - 1);
                moved += times.Count(
                    time => stream.Begun is { } begun && Math.Abs((time - begun.ToDateTime()).TotalSeconds - onset) > Rounding);
            }
        }
        return this with { Lost = lost, Doubled = doubled + kept.Count - known, Moved = moved };
    }

    private Records Add(string tenant, (ChaosStream Stream, Expected Expected)[] runs, GetUsageResponse usage)
    {
        var (seconds, streams, events) = (
            usage.Models.Sum(model => model.AudioSeconds), usage.Models.Sum(model => model.Streams),
            usage.Models.Sum(model => model.Events));
        var (sent, closed) = (runs.Sum(run => run.Expected.Seconds), runs.Sum(run => run.Expected.Closed.Count));
        return Math.Abs(seconds - sent) < Rounding && streams == runs.Length && events == closed ? this : this with
        {
            Usage =
            [
                .. Usage,
                FormattableString.Invariant(
                    $"{tenant[^1..]}: {seconds:0.00} of {sent:0.00} s, {streams} of {runs.Length} streams, {events} of {closed} events"),
            ],
        };
    }

    private static async Task<List<KeptEvent>> KeptAsync(
        Tagging.TaggingClient gateway, Metadata headers, CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetUtcNow();
        var request = new ListEventsRequest
        {
            Selection = new EventSelection { From = now.AddHours(-1).ToTimestamp(), To = now.AddHours(1).ToTimestamp() },
            PageSize = Page,
        };
        var kept = new List<KeptEvent>();
        do
        {
            var page = await gateway.ListEventsAsync(request, headers, cancellationToken: cancellationToken);
            kept.AddRange(page.Events);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return kept;
    }
}
