using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>One stream that is stepped by hand.</summary>
internal sealed class StreamRun(IStepModel model, StateSlot slot)
{
    private readonly double[] _sum = new double[model.Model.Config.Dims[^1]];
    private long _tokens;

    public StepRequest Request { get; } = new(slot, model.Model.Config);

    /// <summary>Mean committed token of each chunk so far, [D] each.</summary>
    public List<float[]> Pooled { get; } = [];

    /// <summary>Column sums of all steps so far, [columns, D].</summary>
    public List<float> Columns { get; } = [];

    public void Prepare(ReadOnlySpan<float> features, int frames, int committed)
    {
        Request.Shape(frames, committed);
        features[..Request.Features.Length].CopyTo(Request.Features);
    }

    public void Step(ReadOnlySpan<float> features, int frames, int committed)
    {
        Prepare(features, frames, committed);
        model.Step([Request]);
        Collect();
    }

    private void Collect()
    {
        int channels = _sum.Length, rows = model.Model.Config.Rows(DassConfig.Stages - 1);
        var mean = new float[channels];
        for (var i = 0; i < Request.ColumnSums.Length; i++)
        {
            _sum[i % channels] += Request.ColumnSums[i];
            mean[i % channels] += Request.ColumnSums[i] / (Request.Columns * rows);
        }
        _tokens += Request.Columns * rows;
        Pooled.Add(mean);
        Columns.AddRange(Request.ColumnSums);
    }

    /// <summary>Runs frames [from, to) to the end of the stream in chunks.</summary>
    public StreamRun Run(float[] features, int frames, ChunkSchedule schedule, int steps = int.MaxValue)
    {
        var bins = model.Model.Config.MelBins;
        var at = (int)slot.CommittedFrames;
        for (; steps > 0 && schedule.Next(frames - at, ended: true) is (> 0, _) next; at += next.Committed, steps--)
        {
            Step(features.AsSpan(at * bins), next.Frames, next.Committed);
        }
        return this;
    }

    /// <summary>The head on the mean over all tokens, in double.</summary>
    public float[] Logits()
    {
        var (weights, bias) = (model.Model.Tensor("head.weight").ToArray(), model.Model.Tensor("head.bias").ToArray());
        return [.. bias.Select((b, label) => (float)(b + _sum.Select((sum, d) => weights[label * _sum.Length + d] * sum / _tokens).Sum()))];
    }
}
