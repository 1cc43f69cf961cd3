using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

/// <summary>Parameters of <see cref="ScanKernel"/>; the tensors of <see cref="SelectiveScan"/>, but y is [4,B,H,W,D].</summary>
internal struct ScanArguments
{
    public int Batch, Rows, Columns, Channels, Rank;

    /// <summary>Columns after which the states are kept.</summary>
    public int Committed;

    /// <summary>0: each thread has channels of its own.</summary>
    public int LaneBits;

    public DevicePointer<float> U, Projections, StepWeights, StepBias, A, Skip, Row, Column;

    public DevicePointer<int> First;

    public DevicePointer<float> Y, NextRow, NextColumn;
}

/// <summary>
/// The four-route selective scan. A thread takes one channel of one route of one stream over all tokens; the routes write apart, and the
/// norm that follows adds them, in an order that never changes. Neighbouring threads take neighbouring channels.
/// </summary>
internal static unsafe class ScanKernel
{
    public static void Run<TWeights>(ScanArguments a)
        where TWeights : unmanaged, IStepWeights
    {
        var share = RowShare.Of(a.LaneBits);
        for (var work = share.Row; work < 4L * a.Batch * a.Channels; work += share.Step)
        {
            var line = work / a.Channels;
            Scan<TWeights>(a, (int)(line >> 2), (int)line & 3, (int)(work - line * a.Channels));
        }
    }

    private static void Scan<TWeights>(ScanArguments a, int item, int route, int channel)
        where TWeights : unmanaged, IStepWeights
    {
        long channels = a.Channels, tokens = (long)a.Rows * a.Columns, stride = 4 * (a.Rank + 2);
        var u = a.U.Pointer + item * tokens * channels + channel;
        var projections = a.Projections.Pointer + item * tokens * stride + route * (a.Rank + 2);
        var y = a.Y.Pointer + ((long)route * a.Batch + item) * tokens * channels + channel;
        var row = a.Row.Pointer + item * a.Rows * channels + channel;
        var nextRow = a.NextRow.Pointer + item * a.Rows * channels + channel;

        TWeights weights = default;
        weights.Load(a.StepWeights, route * a.Rank * channels + channel, channels, a.Rank);
        var rank = weights.Rank;
        float bias = a.StepBias.Pointer[route * channels + channel], decay = a.A.Pointer[route * channels + channel];
        var skip = route == 0 ? a.Skip.Pointer[channel] : 0f;

        // Lines are rows, or columns where time is outside; backwards is the forward order mirrored.
        bool timeMajor = (route & 1) != 0, takesRows = route == 0 && a.First.Pointer[item] == 0;
        int lines = timeMajor ? a.Columns : a.Rows, length = timeMajor ? a.Rows : a.Columns;
        long nextLine = timeMajor ? 1 : a.Columns, next = timeMajor ? a.Columns : 1, begin = 0;
        if (route >= 2)
        {
            (nextLine, next, begin) = (-nextLine, -next, tokens - 1);
        }

        var h = route == 1 ? a.Column.Pointer[item * channels + channel] : 0f;
        for (var line = 0; line < lines; line++, begin += nextLine)
        {
            if (takesRows)
            {
                h = row[line * channels];
            }
            var token = begin;
            for (var i = 0; i < length; i++, token += next)
            {
                var projection = projections + token * stride;
                var dt = DeviceMath.Softplus2(weights.Project(projection, bias));
                var input = u[token * channels];
                h = DeviceMath.Exp2OfNegative(dt * decay) * h + dt * (projection[rank] * input);
                y[token * channels] = projection[rank + 1] * h + skip * input;
                if (route == 0 && i == a.Committed - 1)
                {
                    nextRow[line * channels] = h;
                }
            }
            if (route == 1 && line == a.Committed - 1)
            {
                a.NextColumn.Pointer[item * channels + channel] = h;
            }
        }
    }
}
