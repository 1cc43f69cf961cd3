namespace Dass.Grid.Client;

/// <summary>How a source is fed.</summary>
public sealed record StreamFeedOptions
{
    /// <summary>Send no faster than the audio plays. Else as fast as the grid takes it: for recordings.</summary>
    public bool Realtime { get; init; }

    /// <summary>How long to try again when the connection breaks.</summary>
    public ReconnectOptions Reconnect { get; init; } = new();

    /// <summary>Told that the audio before a sample goes out now; <see cref="long.MaxValue"/>: and no more will follow. May come from another thread.</summary>
    public Action<long>? Sent { get; init; }
}
