namespace Dass.Grid.Client;

/// <summary>How a source is fed.</summary>
public sealed record StreamFeedOptions
{
    /// <summary>Send no faster than the audio plays. Else as fast as the grid takes it: for recordings.</summary>
    public bool Realtime { get; init; }

    /// <summary>How long to try again when the connection breaks.</summary>
    public ReconnectOptions Reconnect { get; init; } = new();

    /// <summary>
    /// Receives a sample when the audio before it goes out; <see cref="long.MaxValue"/>: all of it, and no more will follow. May be called
    /// from another thread.
    /// </summary>
    public Action<long>? Sent { get; init; }

    /// <summary>Asked at the end of the source: whether the stream stays open. Null: its end is the stream's.</summary>
    internal Func<bool>? LeavesOpen { get; init; }
}
