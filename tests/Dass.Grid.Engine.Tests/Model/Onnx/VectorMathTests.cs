using System.Runtime.Intrinsics;
using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Engine.Tests.Model.Onnx;

public class VectorMathTests512 : VectorMathTests<Lanes512Runner>;

public class VectorMathTests256 : VectorMathTests<Lanes256Runner>;

public class VectorMathTests128 : VectorMathTests<Lanes128Runner>;

public class VectorMathTests1 : VectorMathTests<Lanes1Runner>;

/// <summary>Runs a kernel at one width, whether or not the processor has it in hardware.</summary>
public abstract class LanesRunner
{
    internal abstract void Run<TKernel>(TKernel kernel)
        where TKernel : struct, ILaneKernel;
}

public sealed class Lanes512Runner : LanesRunner
{
    internal override void Run<TKernel>(TKernel kernel) => kernel.Invoke<Lanes512, Vector512<float>>();
}

public sealed class Lanes256Runner : LanesRunner
{
    internal override void Run<TKernel>(TKernel kernel) => kernel.Invoke<Lanes256, Vector256<float>>();
}

public sealed class Lanes128Runner : LanesRunner
{
    internal override void Run<TKernel>(TKernel kernel) => kernel.Invoke<Lanes128, Vector128<float>>();
}

public sealed class Lanes1Runner : LanesRunner
{
    internal override void Run<TKernel>(TKernel kernel) => kernel.Invoke<Lanes1, float>();
}

public abstract class VectorMathTests<TRunner>
    where TRunner : LanesRunner, new()
{
    private const int Count = 4096;

    [Fact]
    public void Exp2_is_accurate_to_three_parts_in_ten_million_and_exact_at_zero()
    {
        var (x, y) = Map(Function.Exp2, -126, 126);
        Assert.All(x.Zip(y), pair => Assert.Equal(1, pair.Second / Math.Pow(2, pair.First), 3e-7));
        Assert.Equal(1f, Map(Function.Exp2, 0, 0).Y[0]);
    }

    [Fact]
    public void Softplus_in_base_2_is_accurate()
    {
        var (x, y) = Map(Function.Softplus2, -60, 60);
        Assert.All(x.Zip(y), pair => Assert.Equal(Math.Log2(1 + Math.Pow(2, pair.First)), pair.Second, 2e-7 + 2e-7 * Math.Abs(pair.First)));
    }

    [Fact]
    public void Silu_is_accurate_and_stays_finite_for_huge_input()
    {
        var (x, y) = Map(Function.Silu, -40, 40);
        Assert.All(
            x.Zip(y), pair => Assert.Equal(pair.First / (1 + Math.Exp(-pair.First)), pair.Second, 1e-6 + 3e-7 * Math.Abs(pair.First)));
        Assert.All(Map(Function.Silu, -1e30, 1e30).Y, value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void Gelu_is_accurate_and_stays_finite_for_huge_input()
    {
        var (x, y) = Map(Function.Gelu, -12, 12);
        Assert.All(x.Zip(y), pair => Assert.Equal(Gelu(pair.First), pair.Second, 5e-7 + 2e-7 * Math.Abs(pair.First)));
        Assert.All(Map(Function.Gelu, -1e15, 1e15).Y, value => Assert.True(float.IsFinite(value)));
    }

    private enum Function
    {
        Exp2,
        Softplus2,
        Silu,
        Gelu,
    }

    private static unsafe (float[] X, float[] Y) Map(Function function, double from, double to)
    {
        var x = Enumerable.Range(0, Count).Select(i => (float)(from + (to - from) * i / (Count - 1))).ToArray();
        var y = new float[Count];
        fixed (float* source = x, target = y)
        {
            new TRunner().Run(new MapKernel { Function = function, X = source, Y = target });
        }
        return (x, y);
    }

    /// <summary>x · Φ(x) in double: the normal distribution integrated from 0 by Simpson's rule.</summary>
    private static double Gelu(double x)
    {
        const int Steps = 400;
        double h = x / Steps, sum = 0;
        for (var i = 0; i <= Steps; i++)
        {
            sum += (i is 0 or Steps ? 1 : i % 2 == 1 ? 4 : 2) * Math.Exp(-(i * h) * (i * h) / 2);
        }
        return x * (0.5 + sum * h / 3 / Math.Sqrt(2 * Math.PI));
    }

    private unsafe struct MapKernel : ILaneKernel
    {
        public Function Function;
        public float* X, Y;

        public readonly void Invoke<TLanes, TVector>()
            where TLanes : ILanes<TVector>
            where TVector : struct
        {
            for (var i = 0; i < Count; i += 2 * TLanes.Width)
            {
                TVector a = TLanes.Load(X + i), b = TLanes.Load(X + i + TLanes.Width);
                switch (Function)
                {
                    case Function.Exp2:
                        VectorMath<TLanes, TVector>.Exp2(ref a, ref b);
                        break;
                    case Function.Softplus2:
                        VectorMath<TLanes, TVector>.Softplus2(ref a, ref b);
                        break;
                    case Function.Silu:
                        VectorMath<TLanes, TVector>.Silu(ref a, ref b);
                        break;
                    default:
                        VectorMath<TLanes, TVector>.Gelu(ref a, ref b);
                        break;
                }
                TLanes.Store(a, Y + i);
                TLanes.Store(b, Y + i + TLanes.Width);
            }
        }
    }
}
