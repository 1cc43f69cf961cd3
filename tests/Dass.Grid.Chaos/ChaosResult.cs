using System.Text.Json.Serialization;
using Dass.Grid.Engine.Tags;
using Dass.Grid.V1;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")]

namespace Dass.Grid.Chaos;

internal sealed record GapMilliseconds(
    [property: JsonPropertyName("p50")] double P50,
    [property: JsonPropertyName("p99")] double P99,
    [property: JsonPropertyName("max")] double Max);

/// <summary>
/// What one kind of subscriber or of feeding client received, over all its streams: chunks and events together, and by name the first that
/// were lost.
/// </summary>
internal sealed record Seen(
    [property: JsonPropertyName("kind")] string Kind,
    [property: JsonPropertyName("streams")] int Streams,
    [property: JsonPropertyName("lost")] int Lost,
    [property: JsonPropertyName("doubled")] int Doubled,
    [property: JsonPropertyName("gaps")] int Gaps,
    [property: JsonPropertyName("missing")] IReadOnlyList<string> Missing)
{
    public const int Named = 20;

    [JsonIgnore]
    public bool IsExact => Lost == 0 && Doubled == 0 && Gaps == 0;
}

/// <summary>What the grid keeps: events that are missing, kept twice or at a wrong time, and tenants whose usage is wrong.</summary>
internal sealed record Kept(
    [property: JsonPropertyName("lost")] int Lost,
    [property: JsonPropertyName("doubled")] int Doubled,
    [property: JsonPropertyName("moved")] int Moved,
    [property: JsonPropertyName("usage")] IReadOnlyList<string> Usage);

/// <summary>
/// What the clients of one run saw, and what the grid keeps of it. Scores are of fp32: batches of other shapes round differently.
/// </summary>
internal sealed record ChaosResult(
    [property: JsonPropertyName("fault")] string Fault,
    [property: JsonPropertyName("store")] string Store,
    [property: JsonPropertyName("feeders")] IReadOnlyList<Seen> Feeders,
    [property: JsonPropertyName("subscribers")] IReadOnlyList<Seen> Subscribers,
    [property: JsonPropertyName("kept")] Kept Kept,
    [property: JsonPropertyName("max_score_difference")] double MaxScoreDifference,
    [property: JsonPropertyName("gap_ms")] GapMilliseconds Gap,
    [property: JsonPropertyName("ready_again_s")] double? ReadyAgain,
    [property: JsonPropertyName("failed")] IReadOnlyList<string> Failed)
{
    public const double Tolerance = 1e-4;

    [JsonIgnore]
    public bool Passed => Feeders.Concat(Subscribers).All(seen => seen.IsExact) && Failed.Count == 0
        && Kept is { Lost: 0, Doubled: 0, Moved: 0, Usage.Count: 0 } && MaxScoreDifference <= Tolerance;

    [JsonIgnore]
    public int Streams => Feeders.Sum(seen => seen.Streams);

    public static ChaosResult Compare(
        string fault, string store, IReadOnlyList<(ChaosStream Stream, Expected Expected)> runs, IReadOnlyList<ChaosSubscriber> subscribers,
        Records records, TimeSpan? readyAgain)
    {
        var gaps = runs.Select(run => run.Stream.LongestGap.TotalMilliseconds).Order().ToArray();
        var expected = runs.ToDictionary(run => run.Stream.Id, run => run.Expected);
        var differences = runs.SelectMany(run => run.Expected.Chunks.Select(chunk => Difference(chunk, run.Stream))).Concat(
            subscribers.SelectMany(subscriber => subscriber.Streams).SelectMany(
                stream => stream.Value.Tags.Values.Select(tags => Difference(expected[stream.Key], tags))));
        return new ChaosResult(
            fault,
            store,
            [.. runs.GroupBy(run => run.Stream.Kind).Select(kind => Fed(kind.Key, [.. kind]))],
            [.. subscribers.GroupBy(subscriber => subscriber.Kind).Select(kind => Heard(kind.Key, [.. kind], expected))],
            new Kept(records.Lost, records.Doubled, records.Moved, records.Usage),
            differences.Max(),
            new GapMilliseconds(Round(gaps[gaps.Length / 2]), Round(gaps[(int)Math.Ceiling(0.99 * gaps.Length) - 1]), Round(gaps[^1])),
            readyAgain is { } time ? Math.Round(time.TotalSeconds, 1) : null,
            [
                .. runs.Select(run => run.Stream.Failure).Concat(subscribers.Select(subscriber => subscriber.Failure))
                    .OfType<string>().Distinct(),
            ]);
    }

    private static Seen Fed(string kind, (ChaosStream Stream, Expected Expected)[] runs) => new(
        kind,
        runs.Length,
        runs.Sum(run =>
            run.Expected.Chunks.Count(chunk => !run.Stream.Tags.ContainsKey(chunk.Index))
            + run.Expected.Events.Except(run.Stream.Events).Count()
            + (run.Stream.Broken > 0 ? 1 : 0)),
        runs.Sum(run =>
            run.Stream.Doubled
            + run.Stream.Tags.Keys.Count(index => index >= run.Expected.Chunks.Count)
            + run.Stream.Events.Except(run.Expected.Events).Count()),
        runs.Sum(run => run.Stream.Gaps),
        [.. runs.SelectMany(run => Missing(run.Stream.Id, run.Expected, run.Stream.Tags, run.Stream.Events)).Take(Seen.Named)]);

    private static Seen Heard(string kind, ChaosSubscriber[] subscribers, Dictionary<string, Expected> expected)
    {
        var streams = subscribers.SelectMany(subscriber => subscriber.Streams)
            .Select(stream => (Received: stream.Value, Expected: expected[stream.Key])).ToArray();
        return new Seen(
            kind,
            streams.Length,
            streams.Sum(stream =>
                stream.Expected.Chunks.Count(chunk => !stream.Received.Tags.ContainsKey(chunk.Index))
                + stream.Expected.Events.Except(stream.Received.Events).Count()
                + (stream.Received.Ended ? 0 : 1)),
            streams.Sum(stream =>
                stream.Received.Doubled
                + stream.Received.Tags.Keys.Count(index => index >= stream.Expected.Chunks.Count)
                + stream.Received.Events.Except(stream.Expected.Events).Count()),
            streams.Sum(stream => stream.Received.Gaps),
            [
                .. subscribers.SelectMany(subscriber => subscriber.Streams).SelectMany(
                    stream => Missing(stream.Key, expected[stream.Key], stream.Value.Tags, stream.Value.Events)).Take(Seen.Named),
            ]);
    }

    private static IEnumerable<string> Missing(
        string stream, Expected expected, IReadOnlyDictionary<long, Tags> tags, HashSet<string> events) =>
        expected.Chunks.Where(chunk => !tags.ContainsKey(chunk.Index)).Select(chunk => $"{stream}: chunk {chunk.Index}").Concat(
            expected.Events.Except(events).Select(sound => $"{stream}: event {sound}"));

    private static double Difference(ChunkScores expected, ChaosStream stream) => stream.Tags.TryGetValue(expected.Index, out var tags)
        ? expected.Scores.Zip(tags.DenseChunkScores, (a, b) => Math.Abs(a - b))
            .Concat(expected.WindowScores.Zip(tags.DenseWindowScores, (a, b) => Math.Abs(a - b))).Max()
        : 0;

    private static double Difference(Expected expected, Tags tags)
    {
        if (tags.Chunk >= expected.Chunks.Count)
        {
            return 0;
        }
        var chunk = expected.Chunks[(int)tags.Chunk];
        return tags.ChunkScores.Select(label => Math.Abs(label.Score - chunk.Scores[label.Index]))
            .Concat(tags.WindowScores.Select(label => Math.Abs(label.Score - chunk.WindowScores[label.Index]))).DefaultIfEmpty().Max();
    }

    private static double Round(double milliseconds) => Math.Round(Math.Max(0, milliseconds));
}
