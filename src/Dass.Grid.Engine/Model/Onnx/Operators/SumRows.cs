using System.Numerics.Tensors;
using Dass.Grid.Engine.Model.Onnx.Native;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>y [B,W,D] = Σ over the rows of x [B,H,W,D].</summary>
internal sealed class SumRows() : CustomOperator(nameof(SumRows), 1, Floats(1))
{
    public override Kernel Create(KernelInfo info) => new Node();

    private sealed unsafe class Node : Kernel
    {
        public override void Compute(KernelContext context)
        {
            Span<long> shape = stackalloc long[4];
            var x = context.Input(0, shape, out _);
            var y = context.Output(0, shape[0], shape[2], shape[3]);
            var row = checked((int)(shape[2] * shape[3]));
            for (long item = 0; item < shape[0]; item++, y += row)
            {
                var sum = new Span<float>(y, row);
                sum.Clear();
                for (long i = 0; i < shape[1]; i++, x += row)
                {
                    TensorPrimitives.Add(sum, new ReadOnlySpan<float>(x, row), sum);
                }
            }
        }
    }
}
