using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CsCheck;
using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Engine.Tests.Model.Onnx;

/// <summary>Every vector width against one lane, on random tokens: a stream may go on where vectors have another width.</summary>
public sealed class LanesAgreementTests
{
    private static readonly LanesRunner[] Wide = [new Lanes128Runner(), new Lanes256Runner(), new Lanes512Runner()];

    public enum Agreement
    {
        /// <summary>Each lane computes by itself, and does the same.</summary>
        Bits,

        /// <summary>The same, but for a division that 512 bits estimate.</summary>
        BitsBut512,

        /// <summary>Lanes are added up, each width in another order.</summary>
        Near,
    }

    [Theory]
    [InlineData(nameof(SelectiveScan), Agreement.Bits)]
    [InlineData(nameof(Residual), Agreement.Bits)]
    [InlineData(nameof(Quantize), Agreement.Bits)]
    [InlineData(nameof(Dequantize), Agreement.Bits)]
    [InlineData(nameof(DepthwiseConvSilu), Agreement.BitsBut512)]
    [InlineData(nameof(BiasGelu), Agreement.BitsBut512)]
    [InlineData(nameof(GeluQuantize), Agreement.BitsBut512)]
    [InlineData(nameof(BiasNorm), Agreement.Near)]
    [InlineData(nameof(ResidualNorm), Agreement.Near)]
    [InlineData(nameof(NormQuantize), Agreement.Near)]
    [InlineData(nameof(ResidualNormQuantize), Agreement.Near)]
    public void Every_width_computes_the_same(string name, Agreement agreement) =>
        Gen.Select(Gen.Int[0, 999_999], Gen.Int[1, 4], Gen.Int[1, 5], Gen.Int[1, 8], Gen.Float[0.01f, 100f]).Sample(
            (seed, rows, columns, pairs, loudness) =>
            {
                var shape = new Shape(rows, columns, 2 * 16 * pairs); // the widest kernel takes two vectors at a time
                var expected = new Call(seed, shape, loudness).Run(name, new Lanes1Runner());
                foreach (var runner in Wide)
                {
                    var actual = new Call(seed, shape, loudness).Run(name, runner);
                    Assert.Equal(expected.Floats.Count, actual.Floats.Count);
                    foreach (var (one, other) in expected.Floats.Zip(actual.Floats))
                    {
                        Golden.AssertClose(one, other, IsExact(agreement, runner) ? 0 : 1e-6, $"{name}, {runner.GetType().Name}");
                    }
                    foreach (var (one, other) in expected.Bytes.Zip(actual.Bytes))
                    {
                        Assert.InRange(Math.Abs(one - other), 0, IsExact(agreement, runner) ? 0 : 1);
                    }
                }
            },
            iter: 60, threads: 1);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(9)]
    [InlineData(17)]
    [InlineData(34)]
    public unsafe void A_network_of_any_width_writes_its_own_channels_alone(int channels)
    {
        const int Tokens = 3, Guard = 64;
        var (x, y) = (new float[Tokens * channels + Guard], new float[Tokens * channels + Guard]);
        Array.Fill(x, 1);
        Array.Fill(y, 7);
        fixed (float* from = x, bias = new float[channels + Guard], to = y)
        {
            var kernel = new BiasGelu.GeluKernel { Count = Tokens, Channels = channels, X = from, Bias = bias, Y = to };
            Lanes.Dispatch(kernel, kernel.Multiple);
        }
        Assert.All(y[..^Guard], value => Assert.Equal(0.841345f, value, 1e-5f));
        Assert.All(y[^Guard..], value => Assert.Equal(7, value));
    }

    private static bool IsExact(Agreement agreement, LanesRunner runner) =>
        agreement == Agreement.Bits || (agreement == Agreement.BitsBut512 && runner is not Lanes512Runner);

    private sealed record Shape(int Rows, int Columns, int Channels)
    {
        public int Tokens => Rows * Columns;

        public int Length => Tokens * Channels;
    }

    /// <summary>One run of an operator's kernel; its inputs are the same for the same seed.</summary>
    private sealed unsafe class Call(int seed, Shape shape, float loudness)
    {
        private const int Rank = 3;

        private readonly Random _random = new(seed);
        private readonly List<Array> _pinned = [];

        /// <summary>Each output of floats by itself, since they are of different sizes.</summary>
        public List<float[]> Floats { get; } = [];

        public byte[] Bytes { get; } = GC.AllocateArray<byte>(shape.Length, pinned: true);

        private byte* Q => (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(Bytes));

        public Call Run(string name, LanesRunner runner)
        {
            var (tokens, channels) = (shape.Tokens, shape.Channels);
            switch (name)
            {
                case nameof(SelectiveScan):
                    runner.Run(new SelectiveScanKernel
                    {
                        Rows = shape.Rows, Columns = shape.Columns, Channels = channels, Rank = Rank, Committed = shape.Columns,
                        RowsChain = seed % 2 == 0, U = X(), Projections = In(tokens * 4 * (Rank + 2), 1),
                        StepWeights = In(4 * Rank * channels, 1), StepBias = In(4 * channels, 2, -3),
                        A = In(4 * channels, 0.5f, -1), Skip = In(channels, 1),
                        Row = In(shape.Rows * channels, 1), Column = In(channels, 1), Y = Out(shape.Length),
                        NextRow = Out(shape.Rows * channels), NextColumn = Out(channels),
                    });
                    break;
                case nameof(DepthwiseConvSilu):
                    runner.Run(new DepthwiseConvSiluKernel
                    {
                        Rows = shape.Rows, Columns = shape.Columns, Channels = channels, X = X(), Weights = In(9 * channels, 0.5f),
                        Left = In(shape.Rows * channels, 1), Zero = In(channels, 0), Y = Out(shape.Length),
                    });
                    break;
                case nameof(Residual):
                    runner.Run(new Residual.SumKernel
                    {
                        Count = tokens, Channels = channels, X = X(), Branch = X(), Bias = In(channels, 1), Y = Out(shape.Length),
                    });
                    break;
                case nameof(BiasGelu):
                    runner.Run(new BiasGelu.GeluKernel
                    {
                        Count = tokens, Channels = channels, X = X(), Bias = In(channels, 1), Y = Out(shape.Length),
                    });
                    break;
                case nameof(BiasNorm) or nameof(ResidualNorm):
                    runner.Run(new NormKernel
                    {
                        Count = tokens, Channels = channels, X = X(), Branch = name == nameof(ResidualNorm) ? X() : null,
                        Bias = In(channels, 1), Gain = In(channels, 0.5f, 1), Shift = In(channels, 0.2f),
                        Sum = name == nameof(ResidualNorm) ? Out(shape.Length) : null, Y = Out(shape.Length),
                    });
                    break;
                case nameof(Quantize):
                    runner.Run(new Quantize.QuantizeKernel { Count = tokens, Channels = channels, X = X(), Q = Q, Scales = Out(tokens) });
                    break;
                case nameof(Dequantize):
                    runner.Run(new Dequantize.DequantizeKernel
                    {
                        Count = tokens, Channels = channels, Product = Products(), Scales = In(tokens, 1e-5f, 2e-5f),
                        Weights = In(channels, 1), Y = Out(shape.Length),
                    });
                    break;
                case nameof(GeluQuantize):
                    runner.Run(new GeluQuantize.GeluKernel
                    {
                        Count = tokens, Channels = channels, Product = Products(), Scales = In(tokens, 1e-5f, 2e-5f),
                        Weights = In(channels, 1), Bias = In(channels, 1), NewScales = Out(tokens), Q = Q, Row = Room(channels),
                    });
                    break;
                default:
                    var residual = name == nameof(ResidualNormQuantize);
                    runner.Run(new NormQuantizeKernel
                    {
                        Count = tokens, Channels = channels, X = X(), Product = residual ? Products() : null,
                        ProductScales = residual ? In(tokens, 1e-5f, 2e-5f) : null, Weights = residual ? In(channels, 1) : null,
                        Bias = In(channels, 1), Gain = In(channels, 0.5f, 1), Shift = In(channels, 0.2f),
                        Sum = residual ? Out(shape.Length) : null, Q = Q, Scales = Out(tokens), Row = Room(channels),
                    });
                    break;
            }
            GC.KeepAlive(_pinned);
            return this;
        }

        private float* X() => In(shape.Length, loudness);

        private float* In(int count, float spread, float centre = 0)
        {
            var at = Room(count);
            for (var i = 0; i < count; i++)
            {
                at[i] = centre + spread * (2 * _random.NextSingle() - 1);
            }
            return at;
        }

        private float* Out(int count)
        {
            var at = Room(count);
            Floats.Add((float[])_pinned[^1]);
            return at;
        }

        private float* Room(int count)
        {
            var values = GC.AllocateArray<float>(count, pinned: true);
            _pinned.Add(values);
            return (float*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(values));
        }

        private int* Products()
        {
            var values = GC.AllocateArray<int>(shape.Length, pinned: true);
            _pinned.Add(values);
            foreach (ref var value in values.AsSpan())
            {
                value = _random.Next(-100_000, 100_000);
            }
            return (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(values));
        }
    }
}
