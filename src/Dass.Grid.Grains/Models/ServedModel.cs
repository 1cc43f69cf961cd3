using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Grains.Models;

/// <summary>A model that this silo runs.</summary>
/// <param name="Engine">Owned by the <see cref="ModelRegistry"/>.</param>
/// <param name="Card">What clients learn of it.</param>
public sealed record ServedModel(StreamEngine Engine, ModelCard Card)
{
    public string Name => Card.Summary.Name;

    /// <summary>Where a registration has it from. Null: it is configured.</summary>
    public string? Directory { get; init; }

    /// <summary>Of all devices that it runs on, for people.</summary>
    public string DeviceNames => string.Join(", ", Engine.Devices.Select(device => device.Name));

    /// <summary>Indices of the labels that it offers.</summary>
    public int[] Offered { get; } = Card.Offered();

    /// <summary>Its device is lost, and the states of its streams with it.</summary>
    public bool IsLost => Engine.Loss.IsCompleted;

    /// <summary>Why it takes no stream, when <see cref="IsLost"/>.</summary>
    public Refusal Lost() => new(
        RefusalCode.Moved, $"the device of model '{Name}' on this silo is lost; streams go on on other silos from their checkpoints.");
}
