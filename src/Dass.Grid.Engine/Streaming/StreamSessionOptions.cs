
namespace Dass.Grid.Engine.Streaming;

/// <summary>The trade-off between latency, fidelity and cost of one stream.</summary>
public sealed record StreamSessionOptions
{
    private static readonly TimeSpan Column = TimeSpan.FromSeconds(0.32);
    private static readonly TimeSpan Hop = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30.72);

    /// <summary>Committed audio per step. A multiple of 0.32 s, 0.32 to 30.72 s. Default: 0.96 s.</summary>
    public TimeSpan Chunk { get; init; } = TimeSpan.FromSeconds(0.96);

    /// <summary>Audio after the chunk that is computed as context. A multiple of 0.01 s, 0 to 30.72 s. Default: 0.64 s.</summary>
    public TimeSpan LookAhead { get; init; } = TimeSpan.FromSeconds(0.64);

    /// <summary>
    /// One step over all audio when the stream completes; <see cref="Chunk"/> and <see cref="LookAhead"/> do not apply. Memory grows with
    /// the audio. Default: false.
    /// </summary>
    public bool Offline { get; init; }

    /// <summary>Checks the rules of every field.</summary>
    /// <exception cref="ArgumentException">A rule is broken; the message lists every one with field, value and rule.</exception>
    public void Validate()
    {
        var validation = new OptionRules();
        validation.Rule(
            Chunk >= Column && Chunk <= Longest && Chunk.Ticks % Column.Ticks == 0,
            $"{nameof(StreamSessionOptions)}.{nameof(Chunk)}", Chunk, "it must be a multiple of 0.32 s, 0.32 s to 30.72 s");
        validation.Rule(
            LookAhead >= TimeSpan.Zero && LookAhead <= Longest && LookAhead.Ticks % Hop.Ticks == 0,
            $"{nameof(StreamSessionOptions)}.{nameof(LookAhead)}", LookAhead, "it must be a multiple of 0.01 s, 0 s to 30.72 s");
        validation.ThrowIfBroken();
    }

    internal ChunkSchedule Schedule => ScheduleOf(Chunk);

    internal ChunkSchedule ScheduleOf(TimeSpan chunk) =>
        Offline ? new ChunkSchedule(int.MaxValue, 0) : new ChunkSchedule(Frames(chunk), Frames(LookAhead));

    private static int Frames(TimeSpan time) => (int)(time / Hop);
}
