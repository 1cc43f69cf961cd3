namespace Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

/// <summary>Parameters of the kernels over images [Batch, Rows, Columns, Channels].</summary>
internal struct ImageArguments
{
    public int Batch, Rows, Columns, Channels;

    /// <summary>Columns that the step commits.</summary>
    public int Committed;

    public int LaneBits;

    public DevicePointer<float> X, Weights, Left, Y;
}

internal static unsafe class ImageKernels
{
    /// <summary>See <see cref="Operators.Im2Col"/>: a row of work is one of the nine places under one output token.</summary>
    public static void Im2Col(ImageArguments a)
    {
        float* x = a.X.Pointer, left = a.Left.Pointer, y = a.Y.Pointer;
        int outRows = (a.Rows + 1) / 2, outColumns = (a.Columns + 1) / 2;
        var rows = 9L * a.Batch * outRows * outColumns;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < rows; row += share.Step)
        {
            var token = row / 9;
            var line = token / outColumns;
            int tap = (int)(row - 9 * token), item = (int)(line / outRows);
            int r = 2 * (int)(line - (long)item * outRows) + tap / 3 - 1, c = 2 * (int)(token - line * outColumns) + tap % 3 - 1;
            var to = row * a.Channels;
            if (r < 0 || r >= a.Rows || c >= a.Columns)
            {
                for (var d = share.Lane; d < a.Channels; d += share.Lanes)
                {
                    y[to + d] = 0;
                }
            }
            else
            {
                var at = (long)item * a.Rows + r;
                var from = c < 0 ? left : x;
                at = c < 0 ? at * a.Channels : (at * a.Columns + c) * a.Channels;
                for (var d = share.Lane; d < a.Channels; d += share.Lanes)
                {
                    y[to + d] = from[at + d];
                }
            }
        }
    }

    /// <summary>See <see cref="Operators.DepthwiseConvSilu"/>: a row of work is one token.</summary>
    public static void DepthwiseConvSilu(ImageArguments a)
    {
        float* x = a.X.Pointer, weights = a.Weights.Pointer, left = a.Left.Pointer, y = a.Y.Pointer;
        var rows = (long)a.Batch * a.Rows * a.Columns;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < rows; row += share.Step)
        {
            var line = row / a.Columns;
            int column = (int)(row - line * a.Columns), item = (int)(line / a.Rows), first = (int)(line - (long)item * a.Rows) - 1;
            for (var d = share.Lane; d < a.Channels; d += share.Lanes)
            {
                var sum = 0f;
                for (var i = 0; i < 3; i++)
                {
                    var r = first + i;
                    if (r >= 0 && r < a.Rows)
                    {
                        var at = (long)item * a.Rows + r;
                        var near = at * a.Columns + column; // one to the left and one to the right are further taps
                        var before = column == 0 ? left[at * a.Channels + d] : x[(near - 1) * a.Channels + d];
                        var after = column + 1 < a.Columns ? x[(near + 1) * a.Channels + d] : 0f;
                        sum += before * weights[3 * i * a.Channels + d];
                        sum += x[near * a.Channels + d] * weights[(3 * i + 1) * a.Channels + d];
                        sum += after * weights[(3 * i + 2) * a.Channels + d];
                    }
                }
                y[row * a.Channels + d] = DeviceMath.Silu(sum);
            }
        }
    }

    /// <summary>Keeps the last committed column of x for the next step: y [Batch, Rows, Channels].</summary>
    public static void KeepColumn(ImageArguments a)
    {
        float* x = a.X.Pointer, y = a.Y.Pointer;
        var rows = (long)a.Batch * a.Rows;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < rows; row += share.Step)
        {
            long from = (row * a.Columns + a.Committed - 1) * a.Channels, to = row * a.Channels;
            for (var d = share.Lane; d < a.Channels; d += share.Lanes)
            {
                y[to + d] = x[from + d];
            }
        }
    }

    /// <summary>See <see cref="Operators.SumRows"/>: a row of work is one column of one stream.</summary>
    public static void SumRows(ImageArguments a)
    {
        float* x = a.X.Pointer, y = a.Y.Pointer;
        var rows = (long)a.Batch * a.Columns;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < rows; row += share.Step)
        {
            var item = row / a.Columns;
            var from = (item * a.Rows * a.Columns + (row - item * a.Columns)) * a.Channels;
            for (var d = share.Lane; d < a.Channels; d += share.Lanes)
            {
                var sum = 0f;
                for (var r = 0; r < a.Rows; r++)
                {
                    sum += x[from + (long)r * a.Columns * a.Channels + d];
                }
                y[row * a.Channels + d] = sum;
            }
        }
    }

    /// <summary>Features [Batch, Columns, Rows] as they come from the host become images [Batch, Rows, Columns, 1].</summary>
    public static void Transpose(ImageArguments a)
    {
        float* x = a.X.Pointer, y = a.Y.Pointer;
        var rows = (long)a.Batch * a.Rows;
        var share = RowShare.Of(a.LaneBits);
        for (var row = share.Row; row < rows; row += share.Step)
        {
            var item = row / a.Rows;
            var from = item * a.Rows * a.Columns + (row - item * a.Rows);
            for (var column = share.Lane; column < a.Columns; column += share.Lanes)
            {
                y[row * a.Columns + column] = x[from + (long)column * a.Rows];
            }
        }
    }
}
