namespace Dass.Grid.Engine.Audio;

/// <summary>
/// Raises quiet audio slowly to the level that the model hears best. A function of the samples and their positions alone, so that a
/// replay repeats it. Not thread-safe.
/// </summary>
/// <remarks>
/// Every 0.32 s it estimates the power of what has been heard, with a memory of ten seconds; pauses below −75 dBFS do not count. The gain
/// leads from there to −26 dBFS, between 0 and 40 dB, and changes by at most 1 dB in 0.32 s, evenly from sample to sample.
/// </remarks>
/// <param name="sampleRateHz">Of the samples.</param>
internal sealed class GainControl(int sampleRateHz)
{
    private const double TargetDb = -26;
    private const double PauseDb = -75;
    private const double MaxDb = 40;
    private const double StepDb = 1; // in a pace
    private const double PaceSeconds = 0.32;
    private static readonly double Fresh = 1 - Math.Exp(-PaceSeconds / 10);

    private readonly int _pace = (int)(PaceSeconds * sampleRateHz);
    private double _power; // 0: nothing has been heard
    private double _from; // dB, at the pace's beginning
    private double _to; // dB, at its end
    private double _squares; // of the pace so far
    private int _count;

    /// <summary>Of the next sample, dB.</summary>
    public double GainDb => _from + (_to - _from) * _count / _pace;

    /// <summary>Changes samples in place, in the order of the stream.</summary>
    public void Apply(Span<float> mono)
    {
        foreach (ref var sample in mono)
        {
            _squares += (double)sample * sample;
            sample *= (float)Math.Exp(GainDb * (Math.Log(10) / 20));
            if (++_count == _pace)
            {
                Adapt();
            }
        }
    }

    private void Adapt()
    {
        var power = _squares / _pace;
        if (power > Math.Pow(10, PauseDb / 10))
        {
            _power = _power == 0 ? power : _power + Fresh * (power - _power);
        }
        var wanted = _power == 0 ? 0 : Math.Clamp(TargetDb - 10 * Math.Log10(_power), 0, MaxDb);
        (_from, _to) = (_to, Math.Clamp(wanted, _to - StepDb, _to + StepDb));
        (_squares, _count) = (0, 0);
    }

    public void Save(SnapshotWriter to)
    {
        to.Write(_power);
        to.Write(_from);
        to.Write(_to);
        to.Write(_squares);
        to.Write(_count);
    }

    /// <exception cref="SnapshotException">Damaged.</exception>
    public void Restore(ref SnapshotReader from)
    {
        _power = from.Read<double>("heard power");
        _from = from.Read<double>("gain");
        _to = from.Read<double>("next gain");
        _squares = from.Read<double>("power of the pace");
        _count = from.Read<int>("samples of the pace");
        SnapshotReader.Check(
            _power >= 0 && _squares >= 0 && _from is >= 0 and <= MaxDb && _to is >= 0 and <= MaxDb && _count >= 0 && _count < _pace,
            "gain", $"{_from} to {_to} dB at sample {_count}");
    }
}
