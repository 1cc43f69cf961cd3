namespace Dass.Grid.Evaluation.Metrics;

/// <summary>
/// Event-based F1: a detection is right when its onset is within a collar and its offset within the collar or a share of the length.
/// </summary>
public static class EventF1
{
    public const double CollarSeconds = 0.2;
    public const double OffsetShare = 0.2;

    /// <summary>F1 of each label that occurs in the truth or the detections, and their mean (macro).</summary>
    public static (double Macro, Dictionary<int, double> ByLabel) Score(
        IReadOnlyList<SoundEvent> truth, IReadOnlyList<SoundEvent> detections)
    {
        var labels = truth.Concat(detections).Select(sound => sound.Label).Distinct().Order();
        var byLabel = labels.ToDictionary(label => label, label =>
        {
            SoundEvent[] wanted = [.. truth.Where(sound => sound.Label == label)],
                found = [.. detections.Where(sound => sound.Label == label)];
            return 2.0 * Matches(wanted, found) / (wanted.Length + found.Length);
        });
        return (byLabel.Count == 0 ? double.NaN : byLabel.Values.Average(), byLabel);
    }

    /// <summary>The largest number of pairs: each event and each detection is in one at most.</summary>
    private static int Matches(SoundEvent[] truth, SoundEvent[] found)
    {
        var partner = new int[found.Length];
        Array.Fill(partner, -1);
        var matches = 0;
        for (var i = 0; i < truth.Length; i++)
        {
            matches += Augment(i, new bool[found.Length]) ? 1 : 0;
        }
        return matches;

        bool Augment(int event_, bool[] tried)
        {
            for (var j = 0; j < found.Length; j++)
            {
                if (!tried[j] && Fits(truth[event_], found[j]))
                {
                    tried[j] = true;
                    if (partner[j] < 0 || Augment(partner[j], tried))
                    {
                        partner[j] = event_;
                        return true;
                    }
                }
            }
            return false;
        }
    }

    private static bool Fits(SoundEvent truth, SoundEvent found) =>
        truth.File == found.File
        && Math.Abs(truth.Onset - found.Onset) <= CollarSeconds
        && Math.Abs(truth.Offset - found.Offset) <= Math.Max(CollarSeconds, OffsetShare * truth.Length);
}
