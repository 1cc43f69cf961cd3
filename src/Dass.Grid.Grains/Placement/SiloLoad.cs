namespace Dass.Grid.Grains.Placement;

/// <summary>What a silo reports to the others.</summary>
/// <param name="Slots">Streams that it can hold, all models together.</param>
/// <param name="Used">Streams that it holds.</param>
/// <param name="QueuedSteps">Steps that wait for its devices.</param>
/// <param name="Draining">It is about to stop: no stream may go there.</param>
/// <param name="Models">Names of those that it serves.</param>
[GenerateSerializer, Immutable, Alias("dass.SiloLoad")]
public sealed record SiloLoad(
    [property: Id(0)] int Slots,
    [property: Id(1)] int Used,
    [property: Id(2)] int QueuedSteps,
    [property: Id(3)] bool Draining,
    [property: Id(4)] string[] Models);
