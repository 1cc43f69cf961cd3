using System.Collections.Immutable;

namespace Dass.Grid.Engine.Model;

/// <summary>One tensor of a stream's recurrent state and where it lies in the stream's slot.</summary>
/// <param name="Name">The block or convolution that owns it, e.g. <c>layers.0.blocks.1.row</c>.</param>
/// <param name="Shape">Dimensions for one stream, row-major.</param>
/// <param name="Offset">Floats before it in the slot.</param>
public sealed record StateTensor(string Name, ImmutableArray<int> Shape, int Offset)
{
    /// <summary>Number of floats.</summary>
    public int Length { get; } = Shape.Aggregate(1, (product, dimension) => product * dimension);
}

/// <summary>
/// The recurrent state of one stream, as tensors in the order of execution: per stride-2 convolution the last committed input
/// column (<c>left</c>); per block the left column of the depthwise convolution (<c>conv</c>, [H, D]), the state of each row of
/// route 0 (<c>row</c>, [H, D]) and the state of route 1 (<c>col</c>, [D]).
/// </summary>
public sealed class StateLayout
{
    public StateLayout(DassConfig config)
    {
        var tensors = ImmutableArray.CreateBuilder<StateTensor>();
        void Add(string name, params ImmutableArray<int> shape)
        {
            tensors.Add(new StateTensor(name, shape, Length));
            Length += tensors[^1].Length;
        }

        Add("stem.0.left", config.MelBins, 1);
        Add("stem.1.left", config.MelBins / 2, config.StemDim);
        for (var stage = 0; stage < DassConfig.Stages; stage++)
        {
            if (stage > 0)
            {
                Add($"layers.{stage - 1}.downsample.left", config.Rows(stage - 1), config.Dims[stage - 1]);
            }
            for (var block = 0; block < config.Depths[stage]; block++)
            {
                Add($"layers.{stage}.blocks.{block}.conv", config.Rows(stage), config.Dims[stage]);
                Add($"layers.{stage}.blocks.{block}.row", config.Rows(stage), config.Dims[stage]);
                Add($"layers.{stage}.blocks.{block}.col", config.Dims[stage]);
            }
        }
        Tensors = tensors.ToImmutable();
    }

    public ImmutableArray<StateTensor> Tensors { get; }

    /// <summary>Floats of one stream's state, e.g. 103,616 for DASS-small.</summary>
    public int Length { get; private set; }
}
