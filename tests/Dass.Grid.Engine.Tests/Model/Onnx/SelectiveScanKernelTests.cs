using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Engine.Tests.Model.Onnx;

public class SelectiveScanKernelTests512 : SelectiveScanKernelTests<Lanes512Runner>;

public class SelectiveScanKernelTests256 : SelectiveScanKernelTests<Lanes256Runner>;

public class SelectiveScanKernelTests128 : SelectiveScanKernelTests<Lanes128Runner>;

public class SelectiveScanKernelTests1 : SelectiveScanKernelTests<Lanes1Runner>;

/// <summary>Every vector width against the recurrence in double.</summary>
public abstract class SelectiveScanKernelTests<TRunner>
    where TRunner : LanesRunner, new()
{
    private const int Channels = 32; // two vectors of the widest kernel

    [Theory]
    [InlineData(4, 3, 3, 2, true)]
    [InlineData(4, 3, 2, 2, false)]
    [InlineData(1, 1, 1, 1, false)]
    [InlineData(2, 9, 5, 6, false)]
    [InlineData(8, 7, 1, 3, true)]
    public unsafe void The_kernel_equals_the_recurrence(int rows, int columns, int committed, int rank, bool rowsChain)
    {
        var random = new Random(HashCode.Combine(rows, columns, committed, rank));
        float[] Values(int count, float scale, float offset = 0) =>
            [.. Enumerable.Range(0, count).Select(_ => offset + scale * (random.NextSingle() * 2 - 1))];

        var tokens = rows * columns;
        float[] u = Values(tokens * Channels, 1), projections = Values(tokens * 4 * (rank + 2), 1),
            weights = Values(4 * rank * Channels, 0.5f);
        float[] bias = Values(4 * Channels, 2, -3), a = Values(4 * Channels, 0.5f, -1), skip = Values(Channels, 1);
        float[] row = Values(rows * Channels, 1), column = Values(Channels, 1);
        float[] y = new float[u.Length], nextRow = new float[row.Length], nextColumn = new float[Channels];
        fixed (float* pu = u, pp = projections, pw = weights, pb = bias, pa = a, ps = skip)
        fixed (float* pr = row, pc = column, py = y, pnr = nextRow, pnc = nextColumn)
        {
            new TRunner().Run(new SelectiveScanKernel
            {
                Rows = rows,
                Columns = columns,
                Channels = Channels,
                Rank = rank,
                Committed = committed,
                RowsChain = rowsChain,
                U = pu,
                Projections = pp,
                StepWeights = pw,
                StepBias = pb,
                A = pa,
                Skip = ps,
                Row = pr,
                Column = pc,
                Y = py,
                NextRow = pnr,
                NextColumn = pnc,
            });
        }

        for (var channel = 0; channel < Channels; channel++)
        {
            var expected = new double[tokens];
            for (var route = 0; route < 4; route++)
            {
                double h = route == 0 && !rowsChain ? row[channel] : route == 1 ? column[channel] : 0;
                for (var i = 0; i < tokens; i++)
                {
                    var forward = route >= 2 ? tokens - 1 - i : i;
                    var (r, c) = route % 2 == 0 ? (forward / columns, forward % columns) : (forward % rows, forward / rows);
                    if (route == 0 && !rowsChain && c == 0)
                    {
                        h = row[r * Channels + channel];
                    }
                    var token = r * columns + c;
                    var p = token * 4 * (rank + 2) + route * (rank + 2);
                    double z = bias[route * Channels + channel];
                    for (var k = 0; k < rank; k++)
                    {
                        z += weights[(route * rank + k) * Channels + channel] * (double)projections[p + k];
                    }
                    var dt = Math.Log2(1 + Math.Pow(2, z));
                    h = Math.Pow(2, dt * a[route * Channels + channel]) * h + dt * projections[p + rank] * u[token * Channels + channel];
                    expected[token] += projections[p + rank + 1] * h;
                    if (route == 0 && c == committed - 1)
                    {
                        Assert.Equal(h, nextRow[r * Channels + channel], 1e-5);
                    }
                    if (route == 1 && c == committed - 1 && r == rows - 1)
                    {
                        Assert.Equal(h, nextColumn[channel], 1e-5);
                    }
                }
            }
            for (var token = 0; token < tokens; token++)
            {
                Assert.Equal(expected[token] + skip[channel] * u[token * Channels + channel], y[token * Channels + channel], 1e-5);
            }
        }
    }
}
