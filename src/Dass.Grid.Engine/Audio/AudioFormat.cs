namespace Dass.Grid.Engine.Audio;

/// <summary>How one sample is written. All multi-byte encodings are little-endian.</summary>
public enum SampleEncoding
{
    Pcm16,
    Pcm24,
    Pcm32,
    Float32,
    ALaw,
    MuLaw,
}

/// <summary>The shape of a raw audio stream: interleaved samples of 1 to 8 channels.</summary>
/// <param name="Encoding">How one sample is written.</param>
/// <param name="SampleRateHz">Samples per second and channel, 8,000 to 192,000.</param>
/// <param name="Channels">Interleaved channels, 1 to 8.</param>
public sealed record AudioFormat(SampleEncoding Encoding, int SampleRateHz, int Channels)
{
    public const int MinSampleRateHz = 8_000;
    public const int MaxSampleRateHz = 192_000;
    public const int MaxChannels = 8;

    /// <summary>Largest gain, and loss, in dB.</summary>
    public const float MaxGainDb = 60;

    /// <summary>Which channel is heard, from 1; 0: the mean of all. Two that are inverse to each other have no mean.</summary>
    public int Channel { get; init; }

    /// <summary>Makes what is heard louder or quieter, −60 to 60 dB. Levels are told without it.</summary>
    public float GainDb { get; init; }

    /// <summary>Makes quiet audio louder by up to 40 dB more, slowly, towards −26 dBFS.</summary>
    public bool AutomaticGain { get; init; }

    /// <summary>Whether what is heard is the plain mean of all channels.</summary>
    internal bool IsPlain => Channel == 0 && GainDb == 0 && !AutomaticGain;

    /// <summary>Bytes of one sample of one channel.</summary>
    public int BytesPerSample => Encoding switch
    {
        SampleEncoding.Pcm16 => 2,
        SampleEncoding.Pcm24 => 3,
        SampleEncoding.Pcm32 or SampleEncoding.Float32 => 4,
        _ => 1,
    };

    /// <summary>Bytes of one sample of every channel: the unit in which stream positions count.</summary>
    public int BytesPerFrame => BytesPerSample * Channels;

    /// <summary>A byte of silence. A-law has no zero: its silence is the least positive value.</summary>
    public byte SilentByte => Encoding switch
    {
        SampleEncoding.ALaw => 0xD5,
        SampleEncoding.MuLaw => 0xFF,
        _ => 0,
    };

    /// <summary>Checks the rules of every field.</summary>
    /// <exception cref="AudioFormatException">A rule is broken; the message lists every one with field, value and rule.</exception>
    public void Validate()
    {
        var problems = new List<string>();
        if (!Enum.IsDefined(Encoding))
        {
            problems.Add($"encoding is {Encoding}; it must be one of {string.Join(", ", Enum.GetNames<SampleEncoding>())}");
        }
        if (SampleRateHz is < MinSampleRateHz or > MaxSampleRateHz)
        {
            problems.Add($"sample rate is {SampleRateHz} Hz; it must be {MinSampleRateHz} to {MaxSampleRateHz} Hz");
        }
        if (Channels is < 1 or > MaxChannels)
        {
            problems.Add($"channels is {Channels}; it must be 1 to {MaxChannels}");
        }
        if (Channel < 0 || Channel > Channels)
        {
            problems.Add($"channel is {Channel}; it must be 1 to {Channels}, the number of channels, or 0 for the mean of all");
        }
        if (!(MathF.Abs(GainDb) <= MaxGainDb))
        {
            problems.Add($"gain is {GainDb} dB; it must be {-MaxGainDb} to {MaxGainDb} dB");
        }
        if (problems.Count > 0)
        {
            throw new AudioFormatException(
                $"The audio format breaks {(problems.Count == 1 ? "a rule" : "rules")}: {string.Join("; ", problems)}.");
        }
    }
}
