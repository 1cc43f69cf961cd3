namespace Dass.Grid.Engine.Model;

/// <summary>DASS in plain loops: the specification of every faster implementation. Hundreds of times slower than real use allows.</summary>
public sealed class ReferenceStepModel(DassModel model) : IStepModel
{
    public DassModel Model => model;

    public StateLayout StateLayout { get; } = new(model.Config);

    public void Step(ReadOnlySpan<StepRequest> batch)
    {
        StepRequest.CheckBatch(batch);
        foreach (var request in batch)
        {
            new ReferenceStep(model, StateLayout, request).Run();
        }
    }

    public void Dispose()
    {
    }
}

/// <summary>One step of one stream. Activations are [H, W, D], channels last.</summary>
internal sealed class ReferenceStep(DassModel model, StateLayout layout, StepRequest request)
{
    private readonly DassConfig _config = model.Config;
    private readonly float[] _next = StateOf(request.Slot); // the slot changes only when the whole step has succeeded
    private int _state; // tensors of the layout that have been used: they come in the order of execution

    public void Run()
    {
        var x = Image();
        int width = request.Frames, committed = request.Committed;
        x = Downsample(
            x, ref width, ref committed, _config.MelBins, 1, _config.StemDim,
            "dass.patch_embeddings.projection.0", "dass.patch_embeddings.projection.1");
        for (var i = 0; i < x.Length; i++)
        {
            x[i] = ReferenceMath.Gelu(x[i]);
        }
        x = Downsample(
            x, ref width, ref committed, _config.MelBins / 2, _config.StemDim, _config.Dims[0],
            "dass.patch_embeddings.projection.3", "dass.patch_embeddings.projection.4");
        for (var stage = 0; stage < DassConfig.Stages; stage++)
        {
            if (stage > 0)
            {
                var down = $"dass.layers.{stage - 1}.downsample";
                x = Downsample(
                    x, ref width, ref committed, _config.Rows(stage - 1), _config.Dims[stage - 1], _config.Dims[stage],
                    down + ".down", down + ".norm");
            }
            for (var block = 0; block < _config.Depths[stage]; block++)
            {
                Block(x, $"dass.layers.{stage}.blocks.{block}", stage, width, committed);
            }
        }
        x = Norm(x, "dass.norm", _config.Dims[^1]);

        SumColumns(x, width, committed);
        request.Slot.Write(_next);
        request.Slot.CommittedFrames += request.Committed;
    }

    private static float[] StateOf(StateSlot slot)
    {
        var state = new float[slot.Length];
        slot.Read(state);
        return state;
    }

    /// <summary>[frames, bins] → [bins, frames].</summary>
    private float[] Image()
    {
        var features = request.Features;
        var image = new float[features.Length];
        for (var frame = 0; frame < request.Frames; frame++)
        {
            for (var bin = 0; bin < _config.MelBins; bin++)
            {
                image[bin * request.Frames + frame] = features[frame * _config.MelBins + bin];
            }
        }
        return image;
    }

    /// <summary>Convolution 3×3, stride 2, padding 1, then LayerNorm: [rows, width, from] → [⌈rows / 2⌉, ⌈width / 2⌉, to].</summary>
    private float[] Downsample(float[] x, ref int width, ref int committed, int rows, int from, int to, string conv, string norm)
    {
        var left = TakeState(x, rows, width, from, committed);
        var weights = model.Tensor(conv + ".weight"); // [to, from, 3, 3]
        var bias = model.Tensor(conv + ".bias");
        int outRows = (rows + 1) / 2, outWidth = (width + 1) / 2;
        var y = new float[outRows * outWidth * to];
        for (var row = 0; row < outRows; row++)
        {
            for (var column = 0; column < outWidth; column++)
            {
                var sums = y.AsSpan((row * outWidth + column) * to, to);
                bias.CopyTo(sums);
                for (var k = 0; k < 9; k++)
                {
                    var input = At(x, left, rows, width, from, 2 * row + k / 3 - 1, 2 * column + k % 3 - 1);
                    for (var i = 0; i < input.Length; i++)
                    {
                        for (var o = 0; o < to; o++)
                        {
                            sums[o] += weights[(o * from + i) * 9 + k] * input[i];
                        }
                    }
                }
            }
        }
        (width, committed) = (outWidth, (committed + 1) / 2);
        return Norm(y, norm, to);
    }

    /// <summary>x += SS2D(LN(x)); x += fc2(GELU(fc1(LN(x)))).</summary>
    private void Block(float[] x, string name, int stage, int width, int committed)
    {
        var channels = _config.Dims[stage];
        Add(x, SelectiveScan2D(Norm(x, name + ".norm", channels), name + ".op", stage, width, committed));
        var hidden = Linear(Norm(x, name + ".norm2", channels), name + ".mlp.fc1", channels, 4 * channels, bias: true);
        for (var i = 0; i < hidden.Length; i++)
        {
            hidden[i] = ReferenceMath.Gelu(hidden[i]);
        }
        Add(x, Linear(hidden, name + ".mlp.fc2", 4 * channels, channels, bias: true));
    }

    private float[] SelectiveScan2D(float[] z, string op, int stage, int width, int committed)
    {
        int rows = _config.Rows(stage), channels = _config.Dims[stage], rank = _config.Rank(stage);
        z = Linear(z, op + ".in_proj", channels, channels, bias: false);
        var u = DepthwiseConvSilu(z, op + ".conv2d.weight", rows, width, channels, committed);
        var projections = Linear(u, op + ".x_proj", channels, 4 * (rank + 2), bias: false);
        var scan = new ReferenceScan(rows, width, channels, rank, committed, rowsChain: request.Slot.CommittedFrames == 0);
        var rowState = layout.Tensors[_state++];
        var columnState = layout.Tensors[_state++];
        var y = scan.Run(
            u, projections, model.Tensor(op + ".dt_projs.weight"), model.Tensor(op + ".dt_projs_bias"),
            model.Tensor(op + ".A_logs"), model.Tensor(op + ".Ds"),
            _next.AsSpan(rowState.Offset, rowState.Length), _next.AsSpan(columnState.Offset, columnState.Length));
        return Linear(Norm(y, op + ".out_norm", channels), op + ".out_proj", channels, channels, bias: false);
    }

    private float[] DepthwiseConvSilu(float[] x, string name, int rows, int width, int channels, int committed)
    {
        var left = TakeState(x, rows, width, channels, committed);
        var weights = model.Tensor(name); // [D, 1, 3, 3]
        var y = new float[x.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < width; column++)
            {
                var sums = y.AsSpan((row * width + column) * channels, channels);
                for (var k = 0; k < 9; k++)
                {
                    var input = At(x, left, rows, width, channels, row + k / 3 - 1, column + k % 3 - 1);
                    for (var d = 0; d < input.Length; d++)
                    {
                        sums[d] += weights[d * 9 + k] * input[d];
                    }
                }
                for (var d = 0; d < channels; d++)
                {
                    sums[d] *= ReferenceMath.Sigmoid(sums[d]);
                }
            }
        }
        return y;
    }

    /// <summary>The column left of the window, [rows, channels]; keeps the last committed column of x for the next step.</summary>
    private float[] TakeState(float[] x, int rows, int width, int channels, int committed)
    {
        var tensor = layout.Tensors[_state++];
        var state = _next.AsSpan(tensor.Offset, tensor.Length);
        var left = state.ToArray();
        for (var row = 0; row < rows; row++)
        {
            x.AsSpan((row * width + committed - 1) * channels, channels).CopyTo(state.Slice(row * channels, channels));
        }
        return left;
    }

    /// <summary>The channels at a place that may lie one outside the window; empty stands for zeros.</summary>
    private static ReadOnlySpan<float> At(float[] x, float[] left, int rows, int width, int channels, int row, int column) =>
        row < 0 || row >= rows || column >= width ? []
        : column < 0 ? left.AsSpan(row * channels, channels)
        : x.AsSpan((row * width + column) * channels, channels);

    private float[] Linear(float[] x, string name, int inputs, int outputs, bool bias)
    {
        var weights = model.Tensor(name + ".weight"); // [outputs, inputs]
        var y = new float[x.Length / inputs * outputs];
        for (var token = 0; token < x.Length / inputs; token++)
        {
            var input = x.AsSpan(token * inputs, inputs);
            for (var o = 0; o < outputs; o++)
            {
                double sum = bias ? model.Tensor(name + ".bias")[o] : 0;
                var row = weights.Slice(o * inputs, inputs);
                for (var i = 0; i < inputs; i++)
                {
                    sum += row[i] * input[i];
                }
                y[token * outputs + o] = (float)sum;
            }
        }
        return y;
    }

    private float[] Norm(float[] x, string name, int channels)
    {
        var gain = model.Tensor(name + ".weight");
        var shift = model.Tensor(name + ".bias");
        var y = new float[x.Length];
        for (var start = 0; start < x.Length; start += channels)
        {
            ReferenceMath.LayerNorm(x.AsSpan(start, channels), gain, shift, y.AsSpan(start, channels));
        }
        return y;
    }

    private static void Add(float[] x, float[] branch)
    {
        for (var i = 0; i < x.Length; i++)
        {
            x[i] += branch[i];
        }
    }

    private void SumColumns(float[] tokens, int width, int committed)
    {
        var channels = _config.Dims[^1];
        var sums = request.ColumnSums;
        sums.Clear();
        for (var row = 0; row < _config.Rows(DassConfig.Stages - 1); row++)
        {
            for (var i = 0; i < committed * channels; i++)
            {
                sums[i] += tokens[row * width * channels + i];
            }
        }
    }
}
