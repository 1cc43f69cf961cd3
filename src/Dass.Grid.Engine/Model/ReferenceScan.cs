namespace Dass.Grid.Engine.Model;

/// <summary>
/// The four-route selective scan of one stream in plain loops. Routes over all tokens: 0 frequency-major (rows outside, columns inside),
/// 1 time-major (columns outside), 2 and 3 the same backwards.
/// </summary>
/// <param name="rows">Frequency rows H.</param>
/// <param name="width">Time columns W of the window.</param>
/// <param name="channels">Channels D.</param>
/// <param name="rank">Rank R of the step-size projection.</param>
/// <param name="committed">Columns after which the states are kept.</param>
/// <param name="rowsChain">A stream's first step: row f of route 0 starts where row f − 1 ended, as offline, instead of from its own
/// state.</param>
internal sealed class ReferenceScan(int rows, int width, int channels, int rank, int committed, bool rowsChain)
{
    /// <returns>Sum of the four routes at each token, [H, W, D].</returns>
    /// <param name="u">Input, [H, W, D].</param>
    /// <param name="projections">Per token and route R step-size terms, B and C: [H, W, 4 (R + 2)].</param>
    /// <param name="stepWeights">[4 D, R].</param>
    /// <param name="stepBias">[4, D].</param>
    /// <param name="aLogs">A = −exp(aLogs), [4 D].</param>
    /// <param name="skips">[4 D].</param>
    /// <param name="rowState">State of each row of route 0, [H, D]: read, then replaced.</param>
    /// <param name="columnState">State of route 1, [D]: read, then replaced.</param>
    public float[] Run(
        float[] u, float[] projections, ReadOnlySpan<float> stepWeights, ReadOnlySpan<float> stepBias,
        ReadOnlySpan<float> aLogs, ReadOnlySpan<float> skips, Span<float> rowState, Span<float> columnState)
    {
        var y = new float[u.Length];
        var tokens = rows * width;
        for (var route = 0; route < 4; route++)
        {
            for (var d = 0; d < channels; d++)
            {
                var parameter = route * channels + d;
                double a = -Math.Exp(aLogs[parameter]), h = route == 1 ? columnState[d] : 0;
                for (var i = 0; i < tokens; i++)
                {
                    var forward = route >= 2 ? tokens - 1 - i : i;
                    var (row, column) = route % 2 == 0 ? (forward / width, forward % width) : (forward % rows, forward / rows);
                    if (route == 0 && column == 0 && !rowsChain)
                    {
                        h = rowState[row * channels + d];
                    }

                    var token = row * width + column;
                    var p = projections.AsSpan(token * 4 * (rank + 2) + route * (rank + 2), rank + 2);
                    double step = stepBias[parameter];
                    for (var r = 0; r < rank; r++)
                    {
                        step += stepWeights[parameter * rank + r] * p[r];
                    }
                    var dt = ReferenceMath.Softplus(step);
                    double input = u[token * channels + d];
                    h = Math.Exp(dt * a) * h + dt * p[rank] * input;
                    y[token * channels + d] += (float)(p[rank + 1] * h + skips[parameter] * input);

                    if (route == 0 && column == committed - 1)
                    {
                        rowState[row * channels + d] = (float)h;
                    }
                    if (route == 1 && column == committed - 1 && row == rows - 1)
                    {
                        columnState[d] = (float)h;
                    }
                }
            }
        }
        return y;
    }
}
