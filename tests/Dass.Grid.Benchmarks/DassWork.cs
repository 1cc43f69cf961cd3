using Dass.Grid.Engine.Model;

namespace Dass.Grid.Benchmarks;

/// <summary>The multiply-adds that a step cannot do without: convolutions and linear layers, without the scan's own arithmetic.</summary>
internal static class DassWork
{
    /// <summary>Multiply-adds of one stream's step over <paramref name="frames"/> frames.</summary>
    public static double MultiplyAdds(DassConfig config, int frames)
    {
        var total = Convolution(config.MelBins / 2, DassConfig.Halved(frames, 1), 1, config.StemDim)
            + Convolution(config.MelBins / 4, DassConfig.Halved(frames, 2), config.StemDim, config.Dims[0]);
        for (var stage = 0; stage < DassConfig.Stages; stage++)
        {
            double d = config.Dims[stage], r = config.Rank(stage), tokens = config.Rows(stage) * DassConfig.Halved(frames, 2 + stage);
            if (stage > 0)
            {
                total += Convolution(config.Rows(stage), DassConfig.Halved(frames, 2 + stage), config.Dims[stage - 1], config.Dims[stage]);
            }
            // in_proj, out_proj; fc1, fc2; x_proj; the step-size projection; the depthwise convolution
            total += config.Depths[stage] * tokens * (2 * d * d + 8 * d * d + 4 * (r + 2) * d + 4 * r * d + 9 * d);
        }
        return total;
    }

    private static double Convolution(int rows, int columns, int from, int to) => 9.0 * rows * columns * from * to;
}
