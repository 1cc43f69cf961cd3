using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Dass.Grid.Engine.Audio;

/// <summary>
/// Levels of the audio that waits for its chunk, one tally for each 0.32 s of stream time, of which every chunk is a multiple. What the
/// client has lost counts nowhere. Not thread-safe.
/// </summary>
/// <param name="sampleRateHz">Of the stream.</param>
internal sealed class LevelMeter(int sampleRateHz)
{
    /// <summary>Hundredths of a second.</summary>
    private const int Pace = 32;

    private const int MaxPaces = 1 << 20;

    private readonly List<LevelTally> _tallies = []; // from pace _first on
    private long _first;
    private long _known; // levels of paces before it are not known, or only in part

    /// <summary>Samples from <paramref name="position"/> up to which all belong to one pace.</summary>
    public int SamplesOfPace(long position, int most) => (int)Math.Min(most, BeginOf(PaceOf(position) + 1) - position);

    /// <summary>The tally of a sample's pace. Valid until the next call.</summary>
    public ref LevelTally At(long position)
    {
        var index = (int)(PaceOf(position) - _first);
        while (_tallies.Count <= index)
        {
            _tallies.Add(default);
        }
        return ref CollectionsMarshal.AsSpan(_tallies)[index];
    }

    /// <summary>The level of the oldest audio that waits, which waits no longer.</summary>
    /// <param name="paces">How much of it; <see cref="int.MaxValue"/>: all.</param>
    /// <returns>Null: none of it has come, or none is known since the session was restored.</returns>
    public AudioLevel? Take(int paces)
    {
        var taken = Math.Min(paces, _tallies.Count);
        var (squares, peak, clipped, samples) = (0.0, 0f, 0L, 0L);
        for (var i = 0; i < taken; i++)
        {
            var tally = _tallies[i];
            squares += tally.Variance * tally.Samples;
            peak = Math.Max(peak, tally.Peak);
            clipped += tally.Clipped;
            samples += tally.Samples;
        }
        var known = _first >= _known;
        _tallies.RemoveRange(0, taken);
        _first += paces == int.MaxValue ? taken : paces;
        return known ? AudioLevel.From(squares, peak, clipped, samples) : null;
    }

    /// <summary>Writes the tallies that wait: 32 bytes for each 0.32 s.</summary>
    public void Save(SnapshotWriter to)
    {
        to.Write(_first);
        to.Write(_known);
        to.WriteAll<LevelTally>(CollectionsMarshal.AsSpan(_tallies));
    }

    /// <summary>Goes on where another meter was saved.</summary>
    /// <exception cref="SnapshotException">Damaged.</exception>
    public void Restore(ref SnapshotReader from)
    {
        var first = from.Read<long>("first level");
        SnapshotReader.Check(first == _first, "first level", $"{first} instead of {_first}");
        _known = from.Read<long>("first known level");
        var tallies = from.ReadAll<LevelTally>("levels");
        SnapshotReader.Check(tallies.Length < MaxPaces, "levels", $"count {tallies.Length}");
        _tallies.Clear();
        _tallies.AddRange(tallies);
    }

    /// <summary>Goes on behind so many paces whose chunks have been tagged; nothing is known of what waits.</summary>
    /// <param name="paces">Of these chunks.</param>
    /// <param name="position">The next sample.</param>
    public void SkipTo(long paces, long position)
    {
        _tallies.Clear();
        _first = paces;
        _known = BeginOf(PaceOf(position)) == position ? PaceOf(position) : PaceOf(position) + 1;
    }

    private long PaceOf(long position) => position * 100 / (Pace * sampleRateHz);

    /// <summary>The first sample that is not before it.</summary>
    private long BeginOf(long pace) => (pace * Pace * sampleRateHz + 99) / 100;
}

/// <summary>Sums over samples of all channels.</summary>
internal struct LevelTally
{
    private double _squares;
    private double _sum;

    /// <summary>Sum of the squares of all samples.</summary>
    public readonly double Squares => _squares;

    /// <summary>Highest magnitude.</summary>
    public float Peak;

    /// <summary>Samples at full scale or beyond.</summary>
    public int Clipped;

    public int Samples;

    /// <summary>Mean square about the mean.</summary>
    public readonly double Variance =>
        Samples == 0 ? 0 : Math.Max(0, _squares / Samples - _sum / Samples * (_sum / Samples));

    /// <param name="samples">Finite, of any channels.</param>
    /// <param name="full">The least magnitude of a clipped one.</param>
    public void Add(ReadOnlySpan<float> samples, float full)
    {
        Vector256<double> lowSquares = default, highSquares = default, lowSum = default, highSum = default;
        Vector256<float> peaks = default, limit = Vector256.Create(full);
        Vector256<int> clipped = default;
        ref readonly var from = ref MemoryMarshal.GetReference(samples);
        var i = 0;
        for (; i <= samples.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var values = Vector256.LoadUnsafe(in from, (nuint)i);
            var magnitudes = Vector256.Abs(values);
            peaks = Vector256.Max(peaks, magnitudes);
            clipped -= Vector256.GreaterThanOrEqual(magnitudes, limit).AsInt32(); // all bits set is -1
            var (low, high) = Vector256.Widen(values);
            lowSquares += low * low;
            highSquares += high * high;
            lowSum += low;
            highSum += high;
        }
        _squares += Vector256.Sum(lowSquares + highSquares);
        _sum += Vector256.Sum(lowSum + highSum);
        Clipped += Vector256.Sum(clipped);
        for (var lane = 0; lane < Vector256<float>.Count; lane++)
        {
            Peak = Math.Max(Peak, peaks[lane]);
        }
        foreach (var sample in samples[i..])
        {
            _squares += (double)sample * sample;
            _sum += sample;
            Peak = Math.Max(Peak, Math.Abs(sample));
            Clipped += Math.Abs(sample) >= full ? 1 : 0;
        }
        Samples += samples.Length;
    }
}
