namespace Dass.Grid.Engine.Features;

/// <summary>
/// A coarse picture of what a model hears: 32 bins from low to high on the mel scale, ten columns a second, a byte each: 0 is −100 dB or
/// less, 255 is 0 dB, about a sine at full scale and high frequency: a model hears low ones with pre-emphasis.
/// </summary>
internal static class Spectrogram
{
    public const int Bins = 32;

    /// <summary>Frames of one column: 0.1 s.</summary>
    public const int FramesOfColumn = 10;

    private const float Range = 100; // dB
    private const float FullScale = 40; // dB of a sine at full scale: half of its amplitude times the sum of the Hann window, squared

    /// <summary>The columns of a chunk; of the last one of a stream also a column that is shorter.</summary>
    /// <param name="frames">Normalised log-mel frames, [frames, mel bins] row-major.</param>
    /// <param name="count">Frames of the chunk, at most as many as there are.</param>
    /// <param name="tables">With which the frames were made.</param>
    /// <returns>[columns, <see cref="Bins"/>].</returns>
    public static byte[] Columns(ReadOnlySpan<float> frames, int count, LogMelTables tables)
    {
        var mels = tables.Filters.Count;
        var columns = new byte[(count + FramesOfColumn - 1) / FramesOfColumn * Bins];
        Span<float> sums = stackalloc float[Bins];
        for (var first = 0; first < count; first += FramesOfColumn)
        {
            var together = Math.Min(FramesOfColumn, count - first);
            sums.Clear();
            for (var frame = first; frame < first + together; frame++)
            {
                var values = frames.Slice(frame * mels, mels);
                for (var bin = 0; bin < Bins; bin++)
                {
                    // A tone in one of the bin's filters is seen.
                    var highest = values[bin * mels / Bins];
                    for (var i = bin * mels / Bins + 1; i < (bin + 1) * mels / Bins; i++)
                    {
                        highest = values[i] > highest ? values[i] : highest;
                    }
                    sums[bin] += highest;
                }
            }
            for (var bin = 0; bin < Bins; bin++)
            {
                var decibels = 10 / MathF.Log(10) * (sums[bin] / (together * tables.Scale) + tables.Mean) - FullScale;
                columns[first / FramesOfColumn * Bins + bin] = (byte)Math.Clamp((decibels + Range) / Range * 255, 0, 255);
            }
        }
        return columns;
    }
}
