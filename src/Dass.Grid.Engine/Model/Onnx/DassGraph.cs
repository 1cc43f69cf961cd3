using System.Numerics.Tensors;
using Dass.Grid.Engine.Model.Onnx.Native;
using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>
/// The ONNX graph of one DASS step. Inputs: <c>features</c> [B,128,T,1], <c>first</c> [B] (1 in a stream's first step),
/// <c>committed</c> [1] (frames), and every tensor of the state. Outputs: the sums over the rows of the tokens after the
/// final norm, [B,W,D] (the last output), and before it every tensor of the next state, named <c>next.</c> and the tensor's name.
/// </summary>
/// <remarks>
/// Of a quantized model all products but the first convolution's and the scan's parameters are products of bytes: weights with a scale for
/// each output channel, activations with one for each token (<see cref="Quantization"/>).
/// </remarks>
internal sealed class DassGraph
{
    public const string Features = "features";
    public const string First = "first";
    public const string Committed = "committed";

    /// <summary>Of the operators that the graph needs beyond ONNX's own.</summary>
    public const string Domain = "dass.grid";

    /// <summary>These operators on the processor.</summary>
    public static readonly CustomOperatorDomain CustomOperators = new(
        Domain, provider: null, new Im2Col(), new DepthwiseConvSilu(), new SelectiveScan(), new ScanNorm(), new BiasNorm(),
        new ResidualNorm(), new BiasGelu(), new Residual(), new SumRows(), new Quantize(), new Dequantize(), new NormQuantize(),
        new ResidualNormQuantize(), new GeluQuantize());

    private const string FinalNorm = "dass.norm";

    public static string Next(string stateName) => "next." + stateName;

    public static byte[] Build(DassModel model) => new DassGraph(model).Build();

    private readonly DassModel _model;
    private readonly DassConfig _config;
    private readonly GraphBuilder _graph = new(Domain);
    private string? _zero; // the byte of zero, once a product needs it
    private int _halvings; // stride-2 convolutions so far: how many frames lie under a column

    private DassGraph(DassModel model)
    {
        _model = model;
        _config = model.Config;
    }

    private byte[] Build()
    {
        _graph.Input(Features, -1, _config.MelBins, -1, 1);
        _graph.Input(First, ElementType.Int32, -1);
        _graph.Input(Committed, ElementType.Int64, 1);
        foreach (var tensor in new StateLayout(_config).Tensors)
        {
            _graph.Input(tensor.Name, [-1, .. tensor.Shape]);
        }

        var x = Downsample(
            Features, "stem.0", "dass.patch_embeddings.projection.0", "dass.patch_embeddings.projection.1", 1, _config.StemDim);
        x = Gelu(x, Zeros(_config.StemDim));
        x = Downsample(
            x, "stem.1", "dass.patch_embeddings.projection.3", "dass.patch_embeddings.projection.4", _config.StemDim, _config.Dims[0]);
        for (var stage = 0; stage < DassConfig.Stages; stage++)
        {
            if (stage > 0)
            {
                var down = $"layers.{stage - 1}.downsample";
                x = Downsample(x, down, $"dass.{down}.down", $"dass.{down}.norm", _config.Dims[stage - 1], _config.Dims[stage]);
            }
            x = Stage(x, stage);
        }

        // The last block ended in the final norm, so x is normed.
        _graph.Output(_graph.Custom(nameof(SumRows), x));
        return _graph.ToBytes();
    }

    /// <summary>Convolution 3×3 stride 2, then LayerNorm: [B,H,W,from] → [B,⌈H/2⌉,⌈W/2⌉,to].</summary>
    private string Downsample(string x, string state, string conv, string norm, int from, int to)
    {
        var patches = _graph.NewName();
        Stateful(nameof(Im2Col), [x, Left(state), Committed], [patches, Next(Left(state))]);
        _halvings++;

        var weights = _model.Tensor(conv + ".weight"); // [to, from, 3, 3] → [9 · from, to]
        var matrix = new float[weights.Length];
        for (var o = 0; o < to; o++)
        {
            for (var i = 0; i < from; i++)
            {
                for (var k = 0; k < 9; k++)
                {
                    matrix[(k * from + i) * to + o] = weights[(o * from + i) * 9 + k];
                }
            }
        }
        // The first convolution hears one value of each of nine places: there is too little to share a scale.
        var y = from > 1 && _model.IsQuantized ? Dequantized(Multiply(Quantized(patches), matrix, 9 * from))
            : _graph.Standard("MatMul", [patches, _graph.Constant(matrix, 9 * from, to)]);
        return Norm(y, Vector(conv + ".bias"), norm);
    }

    private string Stage(string x, int stage)
    {
        var blocks = _config.Depths[stage];
        var z = NormForProduct(x, Zeros(_config.Dims[stage]), $"dass.layers.{stage}.blocks.0.norm", nameof(BiasNorm));
        for (var block = 0; block < blocks; block++)
        {
            var name = $"layers.{stage}.blocks.{block}";
            var nextNorm = block + 1 < blocks ? $"dass.layers.{stage}.blocks.{block + 1}.norm"
                : stage + 1 < DassConfig.Stages ? null
                : FinalNorm;
            (x, z) = Block(x, z, name, stage, nextNorm);
        }
        return z.Name;
    }

    /// <summary>
    /// x += SS2D(LN(x)); x += MLP(LN(x)). <paramref name="z"/> is LN(x) already; the second value returned is the next norm of x, or x.
    /// </summary>
    private (string X, Tensor Z) Block(string x, Tensor z, string name, int stage, string? nextNorm)
    {
        var channels = _config.Dims[stage];
        var weights = $"dass.{name}";
        var y = SelectiveScan2D(z, name, stage);
        (x, z) = ResidualNorm(x, y, Zeros(channels), weights + ".norm2");
        z = Gelu(Linear(z, weights + ".mlp.fc1.weight", channels), Vector(weights + ".mlp.fc1.bias"));
        z = Linear(z, weights + ".mlp.fc2.weight", 4 * channels);
        var bias = Vector(weights + ".mlp.fc2.bias");
        if (nextNorm is null)
        {
            x = _graph.Custom(nameof(Residual), x, Dequantized(z), bias);
            return (x, new Tensor(x));
        }
        return ResidualNorm(x, z, bias, nextNorm, forProduct: nextNorm != FinalNorm);
    }

    private Tensor SelectiveScan2D(Tensor normed, string name, int stage)
    {
        int channels = _config.Dims[stage], rank = _config.Rank(stage);
        var op = $"dass.{name}.op";
        var z = Dequantized(Linear(normed, op + ".in_proj.weight", channels));

        var u = _graph.NewName();
        var kernels = Transposed(_model.Tensor(op + ".conv2d.weight"), channels, 9); // [D, 1, 3, 3] → [9, D]
        Stateful(
            nameof(DepthwiseConvSilu), [z, _graph.Constant(kernels, 9, channels), name + ".conv", Committed], [u, Next(name + ".conv")]);

        // Base 2 throughout the scan: see SelectiveScan.
        var projection = _model.Tensor(op + ".x_proj.weight").ToArray(); // [4(R+2), D]: per route R step sizes, B, C
        for (var route = 0; route < 4; route++)
        {
            Scale(projection.AsSpan((route * (rank + 2) + rank) * channels, channels), MathF.Log(2));
        }
        var p = _graph.Standard(
            "MatMul", [u, _graph.Constant(Transposed(projection, 4 * (rank + 2), channels), channels, 4 * (rank + 2))]);

        var stepWeights = new float[4 * rank * channels]; // [4, D, R] → [4, R, D]
        for (var route = 0; route < 4; route++)
        {
            Transposed(_model.Tensor(op + ".dt_projs.weight").Slice(route * channels * rank, channels * rank), channels, rank)
                .CopyTo(stepWeights, route * rank * channels);
        }
        Scale(stepWeights, 1 / MathF.Log(2));
        var stepBias = _model.Tensor(op + ".dt_projs_bias").ToArray();
        Scale(stepBias, 1 / MathF.Log(2));

        var a = new float[4 * channels];
        var skip = new float[channels];
        for (var i = 0; i < a.Length; i++)
        {
            a[i] = -MathF.Exp(_model.Tensor(op + ".A_logs")[i]);
            skip[i % channels] += _model.Tensor(op + ".Ds")[i];
        }

        var y = _graph.NewName();
        Stateful(
            nameof(SelectiveScan),
            [
                u, p, _graph.Constant(stepWeights, 4, rank, channels), _graph.Constant(stepBias, 4, channels),
                _graph.Constant(a, 4, channels), _graph.Constant(skip, channels), name + ".row", name + ".col", First, Committed,
            ],
            [y, Next(name + ".row"), Next(name + ".col")],
            ("rank", rank));
        return Linear(NormForProduct(y, Zeros(channels), op + ".out_norm", nameof(ScanNorm)), op + ".out_proj.weight", channels);
    }

    private static string Left(string state) => state + ".left";

    /// <summary>An operator with a part of the state, whose next value becomes an output of the graph.</summary>
    private void Stateful(
        string type, ReadOnlySpan<string> inputs, ReadOnlySpan<string> outputs, params ReadOnlySpan<(string, long)> attributes)
    {
        _graph.Custom(type, inputs, outputs, [("halvings", _halvings), .. attributes]);
        foreach (var state in outputs[1..])
        {
            _graph.Output(state);
        }
    }

    /// <summary>x [.., inputs] · weightᵀ, without bias.</summary>
    private Tensor Linear(Tensor x, string weight, int inputs)
    {
        var values = _model.Tensor(weight);
        return Multiply(x, Transposed(values, values.Length / inputs, inputs), inputs);
    }

    /// <summary>x [.., inputs] · matrix [inputs, outputs], of bytes if x is.</summary>
    private Tensor Multiply(Tensor x, float[] matrix, int inputs)
    {
        var outputs = matrix.Length / inputs;
        if (x.Scales is not { } scales)
        {
            return new Tensor(_graph.Standard("MatMul", [x.Name, _graph.Constant(matrix, inputs, outputs)]));
        }
        var (bytes, weightScales) = QuantizedWeights.From(matrix, outputs);
        _zero ??= _graph.Constant(Quantization.Zero);
        return new Tensor(
            _graph.Standard("MatMulInteger", [x.Name, _graph.Constant(bytes, inputs, outputs), _zero]),
            scales,
            _graph.Constant(weightScales, outputs));
    }

    private Tensor Quantized(string x)
    {
        string bytes = _graph.NewName(), scales = _graph.NewName();
        _graph.Custom(nameof(Quantize), [x], [bytes, scales]);
        return new Tensor(bytes, scales);
    }

    /// <summary>A product as floats.</summary>
    private string Dequantized(Tensor x) =>
        x.Scales is null ? x.Name : _graph.Custom(nameof(Dequantize), x.Name, x.Scales, x.WeightScales!);

    private string Norm(string x, string bias, string norm, string type = nameof(BiasNorm)) =>
        _graph.Custom(type, x, bias, Vector(norm + ".weight"), Vector(norm + ".bias"));

    /// <summary>A norm whose only readers are products.</summary>
    private Tensor NormForProduct(string x, string bias, string norm, string type)
    {
        if (!_model.IsQuantized)
        {
            return new Tensor(Norm(x, bias, norm, type));
        }
        string bytes = _graph.NewName(), scales = _graph.NewName();
        _graph.Custom(nameof(NormQuantize), [x, bias, Vector(norm + ".weight"), Vector(norm + ".bias")], [bytes, scales]);
        return new Tensor(bytes, scales);
    }

    private (string Sum, Tensor Normed) ResidualNorm(string x, Tensor branch, string bias, string norm, bool forProduct = true)
    {
        string sum = _graph.NewName(), normed = _graph.NewName();
        string gain = Vector(norm + ".weight"), shift = Vector(norm + ".bias");
        if (branch.Scales is null || !forProduct)
        {
            _graph.Custom(nameof(Operators.ResidualNorm), [x, Dequantized(branch), bias, gain, shift], [sum, normed]);
            return (sum, new Tensor(normed));
        }
        var scales = _graph.NewName();
        _graph.Custom(
            nameof(ResidualNormQuantize), [x, branch.Name, branch.Scales, branch.WeightScales!, bias, gain, shift], [sum, normed, scales]);
        return (sum, new Tensor(normed, scales));
    }

    private string Gelu(string x, string bias) => _graph.Custom(nameof(BiasGelu), x, bias);

    private Tensor Gelu(Tensor x, string bias)
    {
        if (x.Scales is null)
        {
            return new Tensor(Gelu(x.Name, bias));
        }
        string bytes = _graph.NewName(), scales = _graph.NewName();
        _graph.Custom(nameof(GeluQuantize), [x.Name, x.Scales, x.WeightScales!, bias], [bytes, scales]);
        return new Tensor(bytes, scales);
    }

    private string Vector(string tensor) => _graph.Constant(_model.Tensor(tensor), _model.Tensor(tensor).Length);

    private string Zeros(int channels) => _graph.Constant(new float[channels], channels);

    private static float[] Transposed(ReadOnlySpan<float> matrix, int rows, int columns)
    {
        var transposed = new float[matrix.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                transposed[column * rows + row] = matrix[row * columns + column];
            }
        }
        return transposed;
    }

    private static void Scale(Span<float> values, float factor) => TensorPrimitives.Multiply(values, factor, values);

    /// <summary>A value of the graph.</summary>
    /// <param name="Name">Of floats, of bytes, or of products of bytes.</param>
    /// <param name="Scales">Of each token; null: floats.</param>
    /// <param name="WeightScales">Of each output channel; null: not a product of bytes.</param>
    private readonly record struct Tensor(string Name, string? Scales = null, string? WeightScales = null);
}
