namespace Dass.Grid.Notify.Routes;

/// <summary>How events are looked for and messages are kept.</summary>
internal sealed record RouteOptions
{
    /// <summary>Messages that wait for a destination; while there are more, no events are read. Default: 1,000.</summary>
    public int MaxWaiting { get; init; } = 1_000;

    /// <summary>How far back events are looked for, by their onset. Default: 7 days, as long as a grid keeps them by default.</summary>
    public TimeSpan LookBack { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Events that began within this time are read each time. Default: 15 minutes.</summary>
    public TimeSpan Recent { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Time between two readings without news. Default: 5 seconds.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Time between two readings of the last day. Default: 1 hour.</summary>
    public TimeSpan Sweep { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Time between two readings of all of <see cref="LookBack"/>. Default: 1 day.</summary>
    public TimeSpan LongSweep { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Between attempts of a message.</summary>
    public SendPauses Pauses { get; init; } = SendPauses.Default;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
