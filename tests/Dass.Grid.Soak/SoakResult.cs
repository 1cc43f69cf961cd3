namespace Dass.Grid.Soak;

/// <summary>A tenant's usage, each figure as its clients count it and as the grid records it.</summary>
/// <param name="Tenant">Its name.</param>
/// <param name="AudioSent">Seconds, by its feeders.</param>
/// <param name="AudioRecorded">Seconds, in its usage record.</param>
/// <param name="StreamsBegun">By its feeders.</param>
/// <param name="StreamsRecorded">In its usage record.</param>
/// <param name="EventsClosed">That its feeders received.</param>
/// <param name="EventsRecorded">In its usage record.</param>
/// <param name="EventsLogged">That ListEvents lists.</param>
/// <param name="EventsReceived">By each of its subscribers.</param>
/// <param name="Dropped">Chunks that the grid has reported to subscribers as dropped.</param>
/// <param name="Breaks">Calls that feeders broke off.</param>
/// <param name="Interruptions">Calls that the grid ended, and that were taken up again.</param>
/// <param name="Refusals">Streams that the grid refused, and that were tried again.</param>
/// <param name="Astray">Chunks that came twice or not at all.</param>
internal sealed record TenantUsage(
    string Tenant, double AudioSent, double AudioRecorded, long StreamsBegun, long StreamsRecorded, long EventsClosed, long EventsRecorded,
    long EventsLogged, long[] EventsReceived,
    long Dropped, long Breaks, long Interruptions, long Refusals, long Astray)
{
    private const double Rounding = 1e-6; // seconds: sums of many doubles

    public bool IsExact => Math.Abs(AudioSent - AudioRecorded) < Rounding && StreamsBegun == StreamsRecorded && Astray == 0
        && EventsReceived.Append(EventsRecorded).Append(EventsLogged).All(events => events == EventsClosed);
}

/// <summary>The outcome of a soak.</summary>
/// <param name="Options">Of the run.</param>
/// <param name="Held">Memory of the host.</param>
/// <param name="Tenants">Their usage.</param>
/// <param name="Complaints">Warnings and errors in the host's log.</param>
/// <param name="Failures">Calls that went wrong, by reason.</param>
/// <param name="Phases">Delays and memory before, during and after an attack.</param>
/// <param name="Attacks">How often each kind of attack ended in each way.</param>
internal sealed record SoakResult(
    SoakOptions Options,
    IReadOnlyList<Held> Held,
    IReadOnlyList<TenantUsage> Tenants,
    int Complaints,
    IReadOnlyDictionary<string, int> Failures,
    IReadOnlyList<Phase> Phases,
    IReadOnlyDictionary<string, int> Attacks)
{
    /// <summary>How far memory after an attack may lie above that before it: a share.</summary>
    public const double Afterwards = 0.1;

    /// <summary>How much longer than before it the 99th percentile of delays under an attack may be.</summary>
    public const double Slower = 1.2;

    public double? ResidentGrowth => Memory.Growth([.. Held.Select(held => (double)held.Resident)]);

    public double? HeapGrowth => Memory.Growth([.. Held.Select(held => held.Heap)]);

    /// <summary>
    /// Resident memory after the attack in relation to that before it, as a share above 0, both with all garbage collected: what the
    /// collector has not looked at yet says nothing of what is kept.
    /// </summary>
    public double GrowthByAttack => Phases[^1].Settled / Phases[0].Settled - 1;

    /// <summary>The 99th percentile of delays under the attack in relation to that before it.</summary>
    public double SlowerByAttack => Phases[1].P99 / Phases[0].P99;

    public bool IsFlat => Options.Attack ? GrowthByAttack <= Afterwards : ResidentGrowth is { } growth && growth <= Options.Growth;

    public bool IsUndisturbed => !Options.Attack || SlowerByAttack <= Slower;

    public bool Passed => IsFlat && IsUndisturbed && Tenants.All(usage => usage.IsExact) && Failures.Count == 0;
}
