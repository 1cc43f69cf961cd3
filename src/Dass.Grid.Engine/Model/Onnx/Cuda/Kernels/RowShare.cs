using ILGPU;
using Blocks = ILGPU.Grid;

namespace Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

/// <summary>
/// What one thread does of work that comes in rows: 2^bits neighbouring threads take a row together, each every 2^bits-th element of it,
/// and then the row that lies all threads further. So the same kernel runs with any number of threads, with one, too.
/// </summary>
internal readonly struct RowShare
{
    private RowShare(long row, long step, int lane, int lanes)
    {
        Row = row;
        Step = step;
        Lane = lane;
        Lanes = lanes;
    }

    /// <summary>The thread's first row.</summary>
    public long Row { get; }

    /// <summary>Rows from one of the thread's rows to its next.</summary>
    public long Step { get; }

    /// <summary>The thread's first element in each of its rows.</summary>
    public int Lane { get; }

    /// <summary>Elements from one of the thread's elements to its next.</summary>
    public int Lanes { get; }

    /// <summary>In the place of the bits: the kernel is called as a method, and does everything alone.</summary>
    public const int Alone = -1;

    /// <param name="laneBits">At most 5: the threads of a row are in one warp. Or <see cref="Alone"/>.</param>
    public static RowShare Of(int laneBits)
    {
        if (laneBits == Alone)
        {
            return new RowShare(row: 0, step: 1, lane: 0, lanes: 1);
        }
        var thread = (long)Blocks.IdxX * Group.DimX + Group.IdxX;
        var threads = (long)Blocks.DimX * Group.DimX;
        return new RowShare(thread >> laneBits, threads >> laneBits, (int)thread & ((1 << laneBits) - 1), 1 << laneBits);
    }

    /// <summary>The sum of a value of each thread that shares the row; all of them must call it.</summary>
    public static float Sum(float value, int lanes)
    {
        for (var mask = lanes >> 1; mask > 0; mask >>= 1)
        {
            value += Warp.ShuffleXor(value, mask);
        }
        return value;
    }
}
