using Dass.Grid.Engine.Model.Onnx.Native;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>
/// The patches of a 3×3 convolution with stride 2 and padding 1, so that a matrix product does the rest:
/// patches [B,⌈H/2⌉,⌈W/2⌉,9·D], left' = f(x [B,H,W,D], left [B,H,D], committed [1]).
/// The column before the window is <c>left</c>, the one after it is zero; <c>left'</c> is the last committed input column.
/// </summary>
internal sealed class Im2Col() : CustomOperator(nameof(Im2Col), 2, [.. Floats(2), ElementType.Int64])
{
    public override Kernel Create(KernelInfo info) => new Node(info.Int("halvings"));

    private sealed unsafe class Node(int halvings) : Kernel
    {
        public override void Compute(KernelContext context)
        {
            Span<long> shape = stackalloc long[4];
            var x = context.Input(0, shape, out _);
            var (batch, rows, columns, channels) = ((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3]);
            var left = context.Input(1);
            var committed = DassConfig.Halved((int)*context.Int64Input(2), halvings);
            int outRows = (rows + 1) / 2, outColumns = (columns + 1) / 2;
            var patches = context.Output(0, batch, outRows, outColumns, 9 * channels);
            var nextLeft = context.Output(1, batch, rows, channels);
            for (var item = 0; item < batch; item++, x += (nint)rows * columns * channels, left += (nint)rows * channels)
            {
                for (var row = 0; row < outRows; row++)
                {
                    for (var column = 0; column < outColumns; column++)
                    {
                        for (var i = 0; i < 9; i++, patches += channels)
                        {
                            int r = 2 * row + i / 3 - 1, c = 2 * column + i % 3 - 1;
                            var patch = new Span<float>(patches, channels);
                            if (r < 0 || r >= rows || c >= columns)
                            {
                                patch.Clear();
                            }
                            else
                            {
                                new ReadOnlySpan<float>(
                                    c < 0 ? left + (nint)r * channels : x + ((nint)r * columns + c) * channels, channels).CopyTo(patch);
                            }
                        }
                    }
                }
            }
            LeftColumn.Keep(context.Input(0), nextLeft, batch * rows, columns, channels, committed);
        }
    }
}

/// <summary>What a convolution keeps of its input for the next step.</summary>
internal static unsafe class LeftColumn
{
    /// <summary>Copies column <paramref name="committed"/> − 1 of x [rows, columns, channels] to left [rows, channels].</summary>
    public static void Keep(float* x, float* left, int rows, int columns, int channels, int committed)
    {
        for (var row = 0; row < rows; row++)
        {
            new ReadOnlySpan<float>(x + ((nint)row * columns + committed - 1) * channels, channels)
                .CopyTo(new Span<float>(left + (nint)row * channels, channels));
        }
    }
}
