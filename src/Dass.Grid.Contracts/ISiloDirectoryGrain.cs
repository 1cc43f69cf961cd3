namespace Dass.Grid.Contracts;

/// <summary>The processes of the grid, and which of them take streams. Key: any.</summary>
[Alias("dass.ISiloDirectoryGrain")]
public interface ISiloDirectoryGrain : IGrainWithIntegerKey
{
    /// <summary>All members of the grid, gateways too, ordered by name; the dead are left out.</summary>
    [Alias("List")]
    Task<SiloEntry[]> List();

    /// <summary>
    /// Sends the streams of a silo to the others and keeps new ones away from it, or with false ends that. Answers when the silo has the
    /// order, before its streams have moved. The order ends with the silo's process.
    /// </summary>
    [Alias("SetDraining")]
    Task<Outcome<SiloEntry>> SetDraining(string silo, bool draining);
}

/// <summary>One process of the grid.</summary>
/// <param name="Name">Address, port and generation, e.g. <c>10.0.0.5:11111@141000000</c>: another after each start.</param>
/// <param name="Status">What the membership says of it.</param>
/// <param name="Load">Its last report; null: it runs no models, or has not reported lately.</param>
[GenerateSerializer, Immutable, Alias("dass.SiloEntry")]
public sealed record SiloEntry([property: Id(0)] string Name, [property: Id(1)] SiloStatus Status, [property: Id(2)] SiloReport? Load);

/// <summary>What a silo says of itself each second.</summary>
/// <param name="Draining">It takes no streams.</param>
/// <param name="Streams">That it holds.</param>
/// <param name="Slots">Streams that it can hold.</param>
/// <param name="QueuedSteps">Steps that wait for its devices.</param>
/// <param name="Models">Names of those that it serves.</param>
/// <param name="Devices">Names of those that its models run on.</param>
/// <param name="DeviceMemory">Of these devices in all, bytes.</param>
/// <param name="Rate">Streams that its devices carry in real time. 0: not known.</param>
/// <param name="Busy">Share of the last seconds in which its busiest model's threads ran batches, 0 to 1.</param>
[GenerateSerializer, Immutable, Alias("dass.SiloReport")]
public sealed record SiloReport(
    [property: Id(0)] bool Draining,
    [property: Id(1)] int Streams,
    [property: Id(2)] int Slots,
    [property: Id(3)] int QueuedSteps,
    [property: Id(4)] string[] Models,
    [property: Id(5)] string[] Devices,
    [property: Id(6)] long DeviceMemory,
    [property: Id(7)] double Rate,
    [property: Id(8)] double Busy);
