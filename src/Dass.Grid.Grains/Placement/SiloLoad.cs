namespace Dass.Grid.Grains.Placement;

/// <summary>What a silo reports to the others.</summary>
/// <param name="Slots">Streams that it can hold, all models together.</param>
/// <param name="Used">Streams that it holds.</param>
/// <param name="QueuedSteps">Steps that wait for its devices.</param>
/// <param name="Draining">It is about to stop, its device is lost, or an administrator drains it: no stream may go there.</param>
/// <param name="Models">Names of those that it serves.</param>
[GenerateSerializer, Immutable, Alias("dass.SiloLoad")]
public sealed record SiloLoad(
    [property: Id(0)] int Slots,
    [property: Id(1)] int Used,
    [property: Id(2)] int QueuedSteps,
    [property: Id(3)] bool Draining,
    [property: Id(4)] string[] Models)
{
    /// <summary>Streams that its device carries in real time, measured from its steps. 0: it does not say, being of an earlier
    /// version.</summary>
    [Id(5)] public double Rate { get; init; }

    /// <summary>Names of the devices that its models run on.</summary>
    [Id(6)] public string[] Devices { get; init; } = [];

    /// <summary>Memory of these devices in all, bytes.</summary>
    [Id(7)] public long DeviceMemory { get; init; }

    /// <summary>Share of the last ten seconds in which the threads of its busiest model ran batches, 0 to 1.</summary>
    [Id(8)] public double Busy { get; init; }

    /// <summary>Streams that it can carry; at least 1.</summary>
    /// <param name="byRate">As many as its device steps in time, if its slots hold them; else as many as its slots hold.</param>
    public double Capacity(bool byRate) => Math.Max(1, byRate ? Math.Min(Slots, Rate) : Slots);
}
