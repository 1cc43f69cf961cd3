using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

/// <summary>Kernels alone, by ILGPU's accelerator on the processor, with one thread and with several.</summary>
public sealed class DeviceKernelTests : IDisposable
{
    private const int Batch = 2;
    private const int Channels = 20;

    private readonly Emulator _emulator = new(threads: 2);

    [Theory]
    [InlineData(4, 3, 3, 2, true)]
    [InlineData(1, 1, 1, 1, false)]
    [InlineData(2, 9, 5, 6, false)]
    [InlineData(8, 7, 1, 12, true)]
    [InlineData(3, 4, 2, 24, false)]
    [InlineData(2, 3, 3, 48, true)]
    [InlineData(2, 9, 5, 6, false, true)]
    [InlineData(4, 3, 2, 3, true, true)]
    public unsafe void The_scan_equals_the_recurrence(int rows, int columns, int committed, int rank, bool firstChains, bool alone = false)
    {
        var random = new Random(HashCode.Combine(rows, columns, committed, rank));
        float[] Values(int count, float scale, float offset = 0) =>
            [.. Enumerable.Range(0, count).Select(_ => offset + scale * (random.NextSingle() * 2 - 1))];

        var tokens = rows * columns;
        float[] u = Values(Batch * tokens * Channels, 1), p = Values(Batch * tokens * 4 * (rank + 2), 1);
        float[] w = Values(4 * rank * Channels, 0.5f), b = Values(4 * Channels, 2, -3), a = Values(4 * Channels, 0.5f, -1);
        float[] skip = Values(Channels, 1), row = Values(Batch * rows * Channels, 1), column = Values(Batch * Channels, 1);
        float[] y = new float[4 * u.Length], nextRow = new float[row.Length], nextColumn = new float[column.Length];
        int[] first = [firstChains ? 1 : 0, 0];
        fixed (float* pu = u, pp = p, pw = w, pb = b, pa = a, ps = skip, pr = row, pc = column, py = y, pnr = nextRow, pnc = nextColumn)
        fixed (int* pf = first)
        {
            var arguments = new ScanArguments
            {
                Batch = Batch,
                Rows = rows,
                Columns = columns,
                Channels = Channels,
                Rank = rank,
                Committed = committed,
                U = pu,
                Projections = pp,
                StepWeights = pw,
                StepBias = pb,
                A = pa,
                Skip = ps,
                Row = pr,
                Column = pc,
                First = pf,
                Y = py,
                NextRow = pnr,
                NextColumn = pnc,
            };
            if (alone)
            {
                DeviceKernels.Scan(rank).Entry(arguments with { LaneBits = RowShare.Alone });
            }
            else
            {
                _emulator.Run(DeviceKernels.Scan(rank), arguments, groups: 3, groupSize: 2);
            }
        }

        for (var item = 0; item < Batch; item++)
        {
            for (var channel = 0; channel < Channels; channel++)
            {
                var expected = new double[tokens];
                for (var route = 0; route < 4; route++)
                {
                    double h = route == 1 ? column[item * Channels + channel] : 0;
                    for (var i = 0; i < tokens; i++)
                    {
                        var forward = route >= 2 ? tokens - 1 - i : i;
                        var (r, c) = route % 2 == 0 ? (forward / columns, forward % columns) : (forward % rows, forward / rows);
                        if (route == 0 && first[item] == 0 && c == 0)
                        {
                            h = row[(item * rows + r) * Channels + channel];
                        }
                        var token = r * columns + c;
                        var at = ((item * tokens + token) * 4 + route) * (rank + 2);
                        double z = b[route * Channels + channel];
                        for (var k = 0; k < rank; k++)
                        {
                            z += w[(route * rank + k) * Channels + channel] * (double)p[at + k];
                        }
                        var dt = Math.Log2(1 + Math.Pow(2, z));
                        h = Math.Pow(2, dt * a[route * Channels + channel]) * h
                            + dt * p[at + rank] * u[(item * tokens + token) * Channels + channel];
                        expected[token] += p[at + rank + 1] * h;
                        if (route == 0 && c == committed - 1)
                        {
                            Assert.Equal(h, nextRow[(item * rows + r) * Channels + channel], 1e-5);
                        }
                        if (route == 1 && c == committed - 1 && r == rows - 1)
                        {
                            Assert.Equal(h, nextColumn[item * Channels + channel], 1e-5);
                        }
                    }
                }
                for (var token = 0; token < tokens; token++)
                {
                    var place = (item * tokens + token) * Channels + channel;
                    var sum = Enumerable.Range(0, 4).Sum(route => (double)y[route * u.Length + place]);
                    Assert.Equal(expected[token] + skip[channel] * u[place], sum, 1e-5);
                }
            }
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(2, 2)] // each row by two threads, which add up their parts
    public unsafe void The_norm_is_the_same_with_any_number_of_threads(int groups, int groupSize)
    {
        const int Rows = 7;
        var random = new Random(groups);
        float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 4 - 1)];
        float[] parts = Values(4 * Rows * Channels), bias = Values(Channels), gain = Values(Channels), shift = Values(Channels);
        var y = new float[Rows * Channels];
        fixed (float* px = parts, pb = bias, pg = gain, ps = shift, py = y)
        {
            var arguments = new NormArguments
            {
                Rows = Rows,
                PartLength = Rows * Channels,
                Channels = Channels,
                Parts = 4,
                LaneBits = groupSize - 1,
                X = px,
                Bias = pb,
                Gain = pg,
                Shift = ps,
                Y = py,
            };
            _emulator.Run(DeviceKernels.Norm, arguments, groups, groupSize);
        }
        for (var row = 0; row < Rows; row++)
        {
            var x = Enumerable.Range(0, Channels).Select(
                d => bias[d] + Enumerable.Range(0, 4).Sum(part => (double)parts[(part * Rows + row) * Channels + d])).ToArray();
            var mean = x.Average();
            var scale = 1 / Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + 1e-5);
            for (var d = 0; d < Channels; d++)
            {
                Assert.Equal((x[d] - mean) * scale * gain[d] + shift[d], y[row * Channels + d], 1e-5);
            }
        }
    }

    public void Dispose() => _emulator.Dispose();
}
