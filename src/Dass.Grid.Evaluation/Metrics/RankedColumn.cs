namespace Dass.Grid.Evaluation.Metrics;

/// <summary>
/// One label's scores, sorted once, so that its figures for recordings that count several times or not at all take one pass.
/// </summary>
internal sealed class RankedColumn
{
    private readonly int[] _order; // recordings, the highest score first
    private readonly bool[] _last; // of equal scores, by place in _order
    private readonly bool[] _positive; // by place in _order

    public RankedColumn(float[] scores, bool[] positive)
    {
        _order = [.. Enumerable.Range(0, scores.Length).OrderByDescending(recording => scores[recording])];
        _positive = [.. _order.Select(recording => positive[recording])];
        _last = [.. _order.Select((recording, i) => i + 1 == _order.Length || scores[_order[i + 1]] != scores[recording])];
    }

    /// <summary>As <see cref="Ranking.AveragePrecision"/> and <see cref="Ranking.Auc"/> of the recordings repeated.</summary>
    /// <param name="times">By recording.</param>
    public (double AveragePrecision, double Auc) Score(int[] times)
    {
        double precision = 0, above = 0;
        long hits = 0, seen = 0, counted = 0, begin = 0;
        for (var i = 0; i < _order.Length; i++)
        {
            var count = times[_order[i]];
            seen += count;
            hits += _positive[i] ? count : 0;
            if (_last[i] && seen > begin)
            {
                var found = hits - counted;
                precision += (double)found * hits / seen;
                above += (seen - begin - found) * (counted + found / 2.0);
                (begin, counted) = (seen, hits);
            }
        }
        return (
            hits == 0 ? double.NaN : precision / hits,
            hits == 0 || hits == seen ? double.NaN : above / ((double)hits * (seen - hits)));
    }
}
