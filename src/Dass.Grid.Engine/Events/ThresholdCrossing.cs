namespace Dass.Grid.Engine.Events;

/// <summary>When a score passed a threshold between two chunks.</summary>
/// <remarks>
/// A chunk's score speaks for its centre, so the time lies between two centres. The head is linear and a chunk's logit the mean of its
/// tokens' logits: a sound that fills a part of a chunk raises the logit, not the score, by that part. So logits are interpolated: event F1
/// is 0.15, with interpolated scores 0.13, with the chunks' borders 0.08 (scenes as in <see cref="EventRule"/>; no MergeGap; for borders
/// MinDuration 1 s).
/// </remarks>
internal static class ThresholdCrossing
{
    // How low a low score is does not tell when the sound began: without these bounds a score near 0 would draw the time to the louder
    // chunk.
    private const double Lowest = 0.01;
    private const double Highest = 0.99;

    /// <param name="threshold">Score, 0 to 1, that one of the two chunks reaches and the other does not.</param>
    /// <param name="before">Score of the earlier chunk, 0 to 1; NaN counts as 0.</param>
    /// <param name="beforeSeconds">Its centre.</param>
    /// <param name="after">Score of the later chunk, 0 to 1; NaN counts as 0.</param>
    /// <param name="afterSeconds">Its centre.</param>
    /// <returns>Seconds, from one centre to the other.</returns>
    public static double Seconds(float threshold, float before, double beforeSeconds, float after, double afterSeconds)
    {
        var (from, to) = (Logit(before), Logit(after));
        var share = from == to ? 0.5 : Math.Clamp((Logit(threshold) - from) / (to - from), 0, 1);
        return Math.Min(beforeSeconds + share * (afterSeconds - beforeSeconds), afterSeconds); // rounding must not pass the centre
    }

    private static double Logit(float score)
    {
        var bounded = float.IsNaN(score) ? Lowest : Math.Clamp(score, Lowest, Highest);
        return Math.Log(bounded / (1 - bounded));
    }
}
