using System.Text.Json.Serialization;
using Dass.Grid.Engine.Tags;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Dass.Grid.Chaos;

internal sealed record GapMilliseconds(
    [property: JsonPropertyName("p50")] double P50,
    [property: JsonPropertyName("p99")] double P99,
    [property: JsonPropertyName("max")] double Max);

/// <summary>
/// What the clients of one run saw, chunks and events together. Scores are of fp32: batches of other shapes round differently.
/// </summary>
internal sealed record ChaosResult(
    [property: JsonPropertyName("fault")] string Fault,
    [property: JsonPropertyName("store")] string Store,
    [property: JsonPropertyName("streams")] int Streams,
    [property: JsonPropertyName("lost")] int Lost,
    [property: JsonPropertyName("doubled")] int Doubled,
    [property: JsonPropertyName("max_score_difference")] double MaxScoreDifference,
    [property: JsonPropertyName("gap_ms")] GapMilliseconds Gap,
    [property: JsonPropertyName("gap_events")] int GapEvents,
    [property: JsonPropertyName("failed")] IReadOnlyList<string> Failed)
{
    public const double Tolerance = 1e-4;

    [JsonIgnore]
    public bool Passed => Lost == 0 && Doubled == 0 && GapEvents == 0 && Failed.Count == 0 && MaxScoreDifference <= Tolerance;

    public static ChaosResult Compare(string fault, string store, IReadOnlyList<(ChaosStream Stream, Expected Expected)> runs)
    {
        var gaps = runs.Select(run => run.Stream.LongestGap.TotalMilliseconds).Order().ToArray();
        return new ChaosResult(
            fault,
            store,
            runs.Count,
            runs.Sum(run =>
                run.Expected.Chunks.Count(chunk => !run.Stream.Tags.ContainsKey(chunk.Index))
                + run.Expected.Events.Except(run.Stream.Events).Count()
                + (run.Stream.Broken > 0 ? 1 : 0)),
            runs.Sum(run =>
                run.Stream.Doubled
                + run.Stream.Tags.Keys.Count(index => index >= run.Expected.Chunks.Count)
                + run.Stream.Events.Except(run.Expected.Events).Count()),
            runs.Max(run => run.Expected.Chunks.Max(chunk => Difference(chunk, run.Stream))),
            new GapMilliseconds(Round(gaps[gaps.Length / 2]), Round(gaps[(int)Math.Ceiling(0.99 * gaps.Length) - 1]), Round(gaps[^1])),
            runs.Sum(run => run.Stream.Gaps),
            [.. runs.Select(run => run.Stream.Failure).OfType<string>().Distinct()]);
    }

    private static double Difference(ChunkScores expected, ChaosStream stream) => stream.Tags.TryGetValue(expected.Index, out var tags)
        ? expected.Scores.Zip(tags.DenseChunkScores, (a, b) => Math.Abs(a - b))
            .Concat(expected.WindowScores.Zip(tags.DenseWindowScores, (a, b) => Math.Abs(a - b))).Max()
        : 0;

    private static double Round(double milliseconds) => Math.Round(Math.Max(0, milliseconds));
}
