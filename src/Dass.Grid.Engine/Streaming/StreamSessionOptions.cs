using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Streaming;

/// <summary>The trade-off between latency, fidelity and cost of one stream.</summary>
public sealed record StreamSessionOptions
{
    /// <summary>Committed audio per step. A multiple of 0.32 s. Default: 0.96 s.</summary>
    public TimeSpan Chunk { get; init; } = TimeSpan.FromSeconds(0.96);

    /// <summary>Audio after the chunk that is computed as context. A multiple of 0.01 s; 0 allowed. Default: 0.64 s.</summary>
    public TimeSpan LookAhead { get; init; } = TimeSpan.FromSeconds(0.64);

    /// <summary>One step over all audio when the stream completes; <see cref="Chunk"/> and <see cref="LookAhead"/> do not apply. Memory grows with the audio. Default: false.</summary>
    public bool Offline { get; init; }
}
