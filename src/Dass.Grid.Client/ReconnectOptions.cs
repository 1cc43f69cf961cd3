namespace Dass.Grid.Client;

/// <summary>How long to try again when a connection breaks.</summary>
public sealed record ReconnectOptions
{
    /// <summary>Calls in a row that may fail without progress.</summary>
    public int MaxAttempts { get; init; } = 6;

    /// <summary>
    /// Before the second call; it doubles each time. With six calls they are a quarter of a minute. Each is varied by a quarter, so that
    /// many clients do not come at once.
    /// </summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>
    /// Try for so long instead, the first call too, and count no attempts; infinite: for ever. Null: <see cref="MaxAttempts"/> says.
    /// </summary>
    public TimeSpan? GiveUpAfter { get; init; }

    /// <summary>No pause is longer, but for the quarter by which it is varied.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Receives why a connection broke that is tried again.</summary>
    public Action<Exception>? Interrupted { get; init; }

    /// <summary>Clock of pauses and of real time.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
