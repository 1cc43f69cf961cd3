using System.Buffers;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Tests.Events;

/// <summary>Chunks of one second by hand, and a tracker that takes them in.</summary>
internal static class TrackerRun
{
    /// <summary>No hidden help: what a test does not set has no effect.</summary>
    public static EventRule Plain(float on, float off) =>
        new() { On = on, Off = off, MinDuration = TimeSpan.Zero, MergeGap = TimeSpan.Zero };

    /// <summary>One label's scores, a chunk per second from 0 s on.</summary>
    public static ChunkScores[] Chunks(params float[] scores) => [.. scores.Select((score, i) => Chunk(i, score))];

    /// <summary>The chunk from second <paramref name="index"/> on.</summary>
    public static ChunkScores Chunk(long index, params float[] scores) => new(index, index, index + 1, scores, []);

    /// <summary>Changes of a whole stream: the chunks, then its end.</summary>
    public static List<EventChange> Track(EventRules rules, IReadOnlyList<ChunkScores> chunks)
    {
        var (tracker, changes) = (new SoundEventTracker(rules, chunks[0].Scores.Length), new List<EventChange>());
        Add(tracker, chunks, changes);
        tracker.Complete(chunks[^1].EndSeconds, changes);
        return changes;
    }

    public static List<EventChange> Track(EventRule rule, params float[] scores) => Track(new EventRules(rule), Chunks(scores));

    /// <summary>Changes by chunk: "1 Opened".</summary>
    public static List<string> Reported(EventRule rule, params float[] scores)
    {
        var (tracker, reported) = (new SoundEventTracker(new EventRules(rule), 1), new List<string>());
        foreach (var chunk in Chunks(scores))
        {
            var changes = new List<EventChange>();
            tracker.Add(chunk, changes);
            reported.AddRange(changes.Select(change => $"{chunk.Index} {change.Kind}"));
        }
        return reported;
    }

    public static void Add(SoundEventTracker tracker, IEnumerable<ChunkScores> chunks, List<EventChange> changes)
    {
        foreach (var chunk in chunks)
        {
            tracker.Add(chunk, changes);
        }
    }

    public static EventChange[] Closed(IEnumerable<EventChange> changes) =>
        [.. changes.Where(change => change.Kind == EventChangeKind.Closed)];

    public static byte[] Save(SoundEventTracker tracker)
    {
        var buffer = new ArrayBufferWriter<byte>();
        tracker.Save(new SnapshotWriter(buffer));
        return buffer.WrittenSpan.ToArray();
    }

    public static SoundEventTracker Restore(ReadOnlySpan<byte> snapshot, EventRules rules, int labelCount)
    {
        var tracker = new SoundEventTracker(rules, labelCount);
        var reader = new SnapshotReader(snapshot);
        tracker.Restore(ref reader);
        SnapshotReader.Check(reader.AtEnd, "end", "bytes are left over");
        return tracker;
    }
}
