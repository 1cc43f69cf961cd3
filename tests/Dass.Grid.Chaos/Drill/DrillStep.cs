namespace Dass.Grid.Chaos.Drill;

/// <summary>What goes wrong, and the alert that says so.</summary>
/// <param name="Name">Of the fault.</param>
/// <param name="Alert">That must fire.</param>
/// <param name="Begin">Makes it go wrong.</param>
/// <param name="Mend">Makes it right again.</param>
internal sealed record DrillStep(
    string Name, string Alert, Func<CancellationToken, Task> Begin, Func<CancellationToken, Task> Mend);

/// <summary>What the alerts did.</summary>
/// <param name="Fault">What went wrong.</param>
/// <param name="Alert">That had to fire.</param>
/// <param name="FiredAfter">Seconds from the fault; null: it did not within the limit.</param>
/// <param name="ClearedAfter">Seconds from the repair until no alert fired any more; null: not within the limit.</param>
/// <param name="Others">Alerts that fired besides.</param>
internal sealed record DrillResult(string Fault, string Alert, double? FiredAfter, double? ClearedAfter, IReadOnlyCollection<string> Others)
{
    /// <summary>An alert that comes later does not wake people in time.</summary>
    public static readonly TimeSpan FiresWithin = TimeSpan.FromSeconds(60);

    /// <summary>The longest window of a rule is five minutes.</summary>
    public static readonly TimeSpan ClearsWithin = TimeSpan.FromMinutes(7);

    public bool Passed => FiredAfter is not null && ClearedAfter is not null;
}
