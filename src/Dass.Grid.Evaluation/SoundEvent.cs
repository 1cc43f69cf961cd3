namespace Dass.Grid.Evaluation;

/// <summary>A sound with its times in one file.</summary>
/// <param name="File">Which file: times of different files never meet.</param>
/// <param name="Label">Index of the label.</param>
/// <param name="Onset">Seconds from the file's start.</param>
/// <param name="Offset">Seconds from the file's start, after the onset.</param>
public readonly record struct SoundEvent(int File, int Label, double Onset, double Offset)
{
    public double Length => Offset - Onset;

    /// <summary>Seconds that both have in common.</summary>
    public double Overlap(SoundEvent other) =>
        File == other.File ? Math.Max(0, Math.Min(Offset, other.Offset) - Math.Max(Onset, other.Onset)) : 0;
}
