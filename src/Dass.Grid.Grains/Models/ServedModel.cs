using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Grains.Models;

/// <summary>A model that this silo runs.</summary>
/// <param name="Engine">Owned by the <see cref="ModelRegistry"/>.</param>
/// <param name="Card">What clients learn of it.</param>
public sealed record ServedModel(StreamEngine Engine, ModelCard Card)
{
    public string Name => Card.Summary.Name;
}
