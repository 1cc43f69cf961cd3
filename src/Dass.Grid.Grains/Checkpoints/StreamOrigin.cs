namespace Dass.Grid.Grains.Checkpoints;

/// <summary>Where a stream's session began: at its first audio, or after a gap. Lies on the grid of chunks.</summary>
/// <param name="Sample">Position in the stream.</param>
/// <param name="Chunk">Index of the session's first chunk.</param>
internal readonly record struct StreamOrigin(long Sample, long Chunk)
{
    /// <summary>
    /// The first chunk that lies wholly at or after <paramref name="sample"/>. No chunk from there on can have been tagged without that
    /// audio.
    /// </summary>
    public static StreamOrigin AtOrAfter(long sample, int sampleRateHz, TimeSpan chunkLength)
    {
        var chunk = (long)Math.Ceiling(sample / (sampleRateHz * chunkLength.TotalSeconds) - 1e-9);
        return new StreamOrigin((long)Math.Round(chunk * sampleRateHz * chunkLength.TotalSeconds), chunk);
    }
}
