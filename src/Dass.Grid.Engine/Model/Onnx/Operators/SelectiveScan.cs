using System.Runtime.CompilerServices;
using Dass.Grid.Engine.Model.Onnx.Native;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>
/// The four-route selective scan of a block with its step-size projection fused in:
/// y, row', col' = f(u [B,H,W,D], p [B,H,W,4(R+2)], w [4,R,D], b [4,D], A [4,D], d [D], row [B,H,D], col [B,D], first [B], committed [1]).
/// </summary>
/// <remarks>
/// Everything is in base 2, so that softplus and decay need one exponential each: the graph builder multiplies w and b by log₂ e and
/// the B columns of p by ln 2. A is negative; d is the sum of the four routes' skip weights.
/// </remarks>
internal sealed class SelectiveScan() : CustomOperator(
    nameof(SelectiveScan), 3, [.. Floats(8), ElementType.Int32, ElementType.Int64])
{
    public override Kernel Create(KernelInfo info) => new Node(info.Int("rank"), info.Int("halvings"));

    private sealed unsafe class Node(int rank, int halvings) : Kernel
    {
        public override void Compute(KernelContext context)
        {
            Span<long> shape = stackalloc long[4];
            var u = context.Input(0, shape, out _);
            var (batch, rows, columns, channels) = ((int)shape[0], (int)shape[1], (int)shape[2], (int)shape[3]);
            var projections = context.Input(1);
            var row = context.Input(6);
            var column = context.Input(7);
            var first = context.Int32Input(8);
            var committed = DassConfig.Halved((int)*context.Int64Input(9), halvings);
            var y = context.Output(0, shape);
            var nextRow = context.Output(1, batch, rows, channels);
            var nextColumn = context.Output(2, batch, channels);
            for (var item = 0; item < batch; item++)
            {
                var tokens = (long)item * rows * columns;
                Lanes.Dispatch(
                    new SelectiveScanKernel
                    {
                        Rows = rows,
                        Columns = columns,
                        Channels = channels,
                        Rank = rank,
                        Committed = committed,
                        RowsChain = first[item] != 0,
                        U = u + tokens * channels,
                        Projections = projections + tokens * 4 * (rank + 2),
                        StepWeights = context.Input(2),
                        StepBias = context.Input(3),
                        A = context.Input(4),
                        Skip = context.Input(5),
                        Row = row + (long)item * rows * channels,
                        Column = column + (long)item * channels,
                        Y = y + tokens * channels,
                        NextRow = nextRow + (long)item * rows * channels,
                        NextColumn = nextColumn + (long)item * channels,
                    },
                    channels / 2); // the kernel advances two vectors at a time
            }
        }
    }
}

/// <summary>The scan of one stream; see <see cref="SelectiveScan"/>.</summary>
internal unsafe struct SelectiveScanKernel : ILaneKernel
{
    private const int Tile = 4; // tokens whose step sizes are projected together: with two vectors each, as many sums as 16 registers allow

    public int Rows, Columns, Channels, Rank;

    /// <summary>Columns after which the states are kept.</summary>
    public int Committed;

    /// <summary>In a stream's first step row f of route 0 starts where row f − 1 ended, as in the offline model.</summary>
    public bool RowsChain;

    public float* U, Projections, StepWeights, StepBias, A, Skip, Row, Column, Y, NextRow, NextColumn;

    [SkipLocalsInit]
    public readonly void Invoke<TLanes, TVector>()
        where TLanes : ILanes<TVector>
        where TVector : struct
    {
        var steps = stackalloc float[Tile * 2 * 16 + 16];
        steps = (float*)(((nint)steps + 63) & ~63); // a store across cache lines costs twice
        for (var channel = 0; channel < Channels; channel += 2 * TLanes.Width)
        {
            for (var route = 0; route < 4; route++)
            {
                Scan<TLanes, TVector>(route, channel, steps);
            }
        }
    }

    /// <summary>One route over all tokens for two vectors of channels: h ← 2^(dt·A) · h + dt · B · u, y += C · h.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Scan<TLanes, TVector>(int route, int channel, float* steps)
        where TLanes : ILanes<TVector>
        where TVector : struct
    {
        int columns = Columns, channels = Channels, tokens = Rows * Columns, stride = 4 * (Rank + 2), width = TLanes.Width;
        var projections = Projections + route * (Rank + 2);
        var gates = projections + Rank; // B and C
        float* u = U + channel, y = Y + channel, rowState = Row + channel, nextRow = NextRow + channel;
        TVector a0 = TLanes.Load(A + route * channels + channel), a1 = TLanes.Load(A + route * channels + channel + width);
        TVector skip0 = TLanes.Load(Skip + channel), skip1 = TLanes.Load(Skip + channel + width);

        TVector h0 = TLanes.Create(0), h1 = h0;
        if (route == 1 || (route == 0 && !RowsChain))
        {
            var start = route == 0 ? rowState : Column + channel;
            h0 = TLanes.Load(start);
            h1 = TLanes.Load(start + width);
        }

        // Route 0 keeps its state at each row's last committed column and takes up the next row's after the row's last column;
        // route 1 keeps its state once, after the last committed column; the backward routes never do.
        var keepAt = route == 0 ? Committed - 1 : route == 1 ? Committed * Rows - 1 : -1;
        var rowEnd = route == 0 ? columns - 1 : -1;

        var timeMajor = (route & 1) != 0;
        var order = stackalloc int[Tile];
        var next = 0;
        for (var i = 0; i < tokens; i += Tile)
        {
            var count = Math.Min(Tile, tokens - i);
            for (var j = 0; j < Tile; j++)
            {
                order[j] = route >= 2 ? tokens - 1 - next : next; // backwards is the forward order mirrored
                if (j < count - 1 || count == Tile)
                {
                    next = !timeMajor ? next + 1 : next + columns < tokens ? next + columns : next + columns - tokens + 1;
                }
            }
            ProjectSteps<TLanes, TVector>(route, channel, projections, order, steps);

            for (var j = 0; j < count; j++)
            {
                var token = order[j];
                var gate = gates + (nint)token * stride;
                float* ut = u + (nint)token * channels, yt = y + (nint)token * channels, step = steps + j * 2 * width;
                TVector b = TLanes.Create(gate[0]), c = TLanes.Create(gate[1]);
                TVector dt0 = TLanes.Load(step), dt1 = TLanes.Load(step + width);
                VectorMath<TLanes, TVector>.Softplus2(ref dt0, ref dt1);
                TVector decay0 = TLanes.Multiply(dt0, a0), decay1 = TLanes.Multiply(dt1, a1);
                VectorMath<TLanes, TVector>.Exp2OfNegative(ref decay0, ref decay1);
                h0 = TLanes.MultiplyAdd(decay0, h0, TLanes.Multiply(dt0, TLanes.Multiply(b, TLanes.Load(ut))));
                h1 = TLanes.MultiplyAdd(decay1, h1, TLanes.Multiply(dt1, TLanes.Multiply(b, TLanes.Load(ut + width))));
                if (route == 0)
                {
                    TLanes.Store(TLanes.MultiplyAdd(c, h0, TLanes.Multiply(skip0, TLanes.Load(ut))), yt);
                    TLanes.Store(TLanes.MultiplyAdd(c, h1, TLanes.Multiply(skip1, TLanes.Load(ut + width))), yt + width);
                }
                else
                {
                    TLanes.Store(TLanes.MultiplyAdd(c, h0, TLanes.Load(yt)), yt);
                    TLanes.Store(TLanes.MultiplyAdd(c, h1, TLanes.Load(yt + width)), yt + width);
                }

                if (i + j == keepAt)
                {
                    var kept = route == 0 ? nextRow : NextColumn + channel;
                    TLanes.Store(h0, kept);
                    TLanes.Store(h1, kept + width);
                    keepAt = route == 0 ? keepAt + columns : -1;
                    nextRow += channels;
                }
                if (i + j == rowEnd)
                {
                    rowEnd += columns;
                    rowState += channels;
                    if (!RowsChain && rowEnd < tokens)
                    {
                        h0 = TLanes.Load(rowState);
                        h1 = TLanes.Load(rowState + width);
                    }
                }
            }
        }
    }

    /// <summary>Step sizes before the softplus of the tile's tokens: bias + Σ_r weight[r] · projection[r].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void ProjectSteps<TLanes, TVector>(int route, int channel, float* projections, int* order, float* steps)
        where TLanes : ILanes<TVector>
        where TVector : struct
    {
        int width = TLanes.Width;
        nint stride = 4 * (Rank + 2), channels = Channels;
        float* p0 = projections + order[0] * stride, p1 = projections + order[1] * stride,
            p2 = projections + order[2] * stride, p3 = projections + order[3] * stride;
        var weights = StepWeights + route * Rank * channels + channel;
        TVector bias0 = TLanes.Load(StepBias + route * channels + channel),
            bias1 = TLanes.Load(StepBias + route * channels + channel + width);
        TVector z00 = bias0, z10 = bias0, z20 = bias0, z30 = bias0;
        TVector z01 = bias1, z11 = bias1, z21 = bias1, z31 = bias1;
        for (nint r = 0; r < Rank; r++, weights += channels)
        {
            TVector w0 = TLanes.Load(weights), w1 = TLanes.Load(weights + width), p = TLanes.Create(p0[r]);
            z00 = TLanes.MultiplyAdd(w0, p, z00);
            z01 = TLanes.MultiplyAdd(w1, p, z01);
            p = TLanes.Create(p1[r]);
            z10 = TLanes.MultiplyAdd(w0, p, z10);
            z11 = TLanes.MultiplyAdd(w1, p, z11);
            p = TLanes.Create(p2[r]);
            z20 = TLanes.MultiplyAdd(w0, p, z20);
            z21 = TLanes.MultiplyAdd(w1, p, z21);
            p = TLanes.Create(p3[r]);
            z30 = TLanes.MultiplyAdd(w0, p, z30);
            z31 = TLanes.MultiplyAdd(w1, p, z31);
        }
        Store<TLanes, TVector>(steps, 0, z00, z01);
        Store<TLanes, TVector>(steps, 1, z10, z11);
        Store<TLanes, TVector>(steps, 2, z20, z21);
        Store<TLanes, TVector>(steps, 3, z30, z31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<TLanes, TVector>(float* steps, int token, TVector z0, TVector z1)
        where TLanes : ILanes<TVector>
        where TVector : struct
    {
        TLanes.Store(z0, steps + token * 2 * TLanes.Width);
        TLanes.Store(z1, steps + (token * 2 + 1) * TLanes.Width);
    }
}
