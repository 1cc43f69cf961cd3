using System.Collections.Immutable;

namespace Dass.Grid.Engine.Model;

/// <summary>The architecture of one DASS network (arXiv 2407.04082) and the feature normalisation that it was trained with.</summary>
/// <remarks>Activations are [H frequency rows, W time columns, D channels], channels last.</remarks>
public sealed record DassConfig
{
    /// <summary>Stages of blocks; the first follows the patch embedding, each later one a stride-2 down-sampling.</summary>
    public const int Stages = 4;

    /// <summary>Frames under one column of last-stage tokens: 4 by the patch embedding, doubled three times.</summary>
    public const int FramesPerColumn = 32;

    /// <summary>Channels of each stage, e.g. 96, 192, 384, 768 for DASS-small.</summary>
    public required ImmutableArray<int> Dims { get; init; }

    /// <summary>Blocks of each stage, e.g. 2, 2, 8, 2 for DASS-small.</summary>
    public required ImmutableArray<int> Depths { get; init; }

    internal const int UsualWindowFrames = 1024;

    /// <summary>Logits of the head; 527 for AudioSet.</summary>
    public required int LabelCount { get; init; }

    /// <summary>Rows of the input image: log-mel bins per frame. A multiple of 32.</summary>
    public int MelBins { get; init; } = 128;

    /// <summary>Frames of the windows that the network was trained on (10.24 s at a hop of 10 ms).</summary>
    public int WindowFrames { get; init; } = UsualWindowFrames;

    /// <summary>Length of these windows, e.g. 10.24 s.</summary>
    public TimeSpan Window => TimeSpan.FromSeconds(WindowFrames * FrameRate.HopSeconds);

    /// <summary>Mean that is subtracted from each log-mel value before the division by twice <see cref="FeatureStd"/>.</summary>
    public float FeatureMean { get; init; } = -4.2677393f;

    /// <summary>Standard deviation of the log-mel values of the training data.</summary>
    public float FeatureStd { get; init; } = 4.5689974f;

    /// <summary>Channels after the first of the two patch-embedding convolutions.</summary>
    public int StemDim => Dims[0] / 2;

    /// <summary>Frequency rows of a stage's activations.</summary>
    public int Rows(int stage) => MelBins >> (2 + stage);

    /// <summary>Rank R of the step-size projection of a stage: ⌈D / 16⌉.</summary>
    public int Rank(int stage) => (Dims[stage] + 15) / 16;

    /// <summary>
    /// Columns that <paramref name="columns"/> input columns become after <paramref name="convolutions"/> stride-2 convolutions: ⌈n / 2⌉
    /// each time.
    /// </summary>
    public static int Halved(int columns, int convolutions)
    {
        for (var i = 0; i < convolutions; i++)
        {
            columns = (columns + 1) / 2;
        }
        return columns;
    }

    /// <summary>Columns of last-stage tokens over <paramref name="frames"/> frames.</summary>
    public static int ColumnsOf(int frames) => Halved(frames, 2 + Stages - 1);
}
