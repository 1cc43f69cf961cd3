namespace Dass.Grid.Grains;

/// <summary>
/// A clock that is never set: it begins with the machine's and goes on as time passes. For all that is measured from one moment to another;
/// times of day, of events and in the store, are the machine's. Thread-safe.
/// </summary>
/// <param name="clock">The machine's.</param>
public sealed class SteadyTime(TimeProvider clock) : TimeProvider
{
    private readonly DateTimeOffset _begin = clock.GetUtcNow();
    private readonly long _mark = clock.GetTimestamp();

    public override long TimestampFrequency => clock.TimestampFrequency;

    public override TimeZoneInfo LocalTimeZone => clock.LocalTimeZone;

    public override DateTimeOffset GetUtcNow() => _begin + clock.GetElapsedTime(_mark);

    public override long GetTimestamp() => clock.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        clock.CreateTimer(callback, state, dueTime, period);

    /// <summary>By this clock, a time of day that another process, or an earlier one, has written.</summary>
    public DateTimeOffset From(DateTimeOffset timeOfDay) => GetUtcNow() + (timeOfDay - clock.GetUtcNow());

    /// <summary>A time of this clock as others know it.</summary>
    public DateTimeOffset ToTimeOfDay(DateTimeOffset steady) => clock.GetUtcNow() + (steady - GetUtcNow());
}
