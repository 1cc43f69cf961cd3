using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Evaluation.Niah;

/// <summary>
/// The scores of a whole recording, in bounded memory: the mean over all (the paper's way), the highest trailing window, and the
/// highest window's height above the recording's own median window, in logits (a label that the haystack always raises pays for it).
/// </summary>
/// <param name="labels">How many.</param>
/// <param name="windowSeconds">Length of the model's trailing window, e.g. 10.24.</param>
internal sealed class Aggregates(int labels, double windowSeconds)
{
    private const float Lowest = -24;
    private const float StepsPerLogit = 8;
    private const int Bins = (int)(48 * StepsPerLogit);

    public static readonly string[] Methods = ["mean", "max-window", "contrast"];

    private readonly float[] _highest = new float[labels];
    private readonly int[] _histogram = new int[labels * Bins]; // window logits by label
    private long _windows;
    private double _end;

    public void Add(ChunkScores chunk)
    {
        if (_end < windowSeconds) // parts of a window do not count, as in the engine's maximum
        {
            (_windows, _end) = (0, chunk.EndSeconds);
            Array.Fill(_highest, float.NegativeInfinity);
            Array.Clear(_histogram);
        }
        for (var label = 0; label < labels; label++)
        {
            var logit = Logit(chunk.WindowScores[label]);
            _highest[label] = Math.Max(_highest[label], logit);
            _histogram[label * Bins + Math.Clamp((int)((logit - Lowest) * StepsPerLogit), 0, Bins - 1)]++;
        }
        _windows++;
    }

    public Aggregates Copy()
    {
        var copy = new Aggregates(labels, windowSeconds) { _windows = _windows, _end = _end };
        _highest.CopyTo(copy._highest, 0);
        _histogram.CopyTo(copy._histogram, 0);
        return copy;
    }

    /// <summary>As if the windows since then, full ones, had come <paramref name="times"/> times more.</summary>
    public void Repeat(Aggregates since, long times)
    {
        _windows += times * (_windows - since._windows);
        for (var bin = 0; bin < _histogram.Length; bin++)
        {
            _histogram[bin] += (int)times * (_histogram[bin] - since._histogram[bin]);
        }
    }

    /// <summary>
    /// Scores by method, in label order; only their order counts. The median weighs (n − 1) / n of n windows: one window is its own median.
    /// </summary>
    public float[][] Finish(StreamSummary summary) =>
        [
            summary.Mean, summary.Max,
            [.. Enumerable.Range(0, labels).Select(label => _highest[label] - (float)(_windows - 1) / _windows * Median(label))],
        ];

    private static float Logit(float score) => MathF.Log(Math.Max(score, 1e-10f) / Math.Max(1 - score, 1e-7f));

    private float Median(int label)
    {
        long below = 0;
        for (var bin = 0; bin < Bins; bin++)
        {
            below += _histogram[label * Bins + bin];
            if (2 * below >= _windows)
            {
                return Lowest + (bin + 0.5f) / StepsPerLogit;
            }
        }
        return 0;
    }
}
