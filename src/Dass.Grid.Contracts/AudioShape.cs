namespace Dass.Grid.Contracts;

/// <summary>How one sample of one channel is written; little-endian.</summary>
public enum AudioEncoding
{
    Pcm16 = 0,
    Pcm24 = 1,
    Pcm32 = 2,
    Float32 = 3,
    ALaw = 4,
    MuLaw = 5,
}

/// <summary>The shape of raw interleaved audio. Its rules are checked where the audio is decoded.</summary>
[GenerateSerializer, Immutable, Alias("dass.AudioShape")]
public sealed record AudioShape(
    [property: Id(0)] AudioEncoding Encoding,
    [property: Id(1)] int SampleRateHz,
    [property: Id(2)] int Channels)
{
    /// <summary>Which channel is heard, from 1; 0: the mean of all.</summary>
    [Id(3)] public int Channel { get; init; }

    /// <summary>Makes what is heard louder or quieter, dB.</summary>
    [Id(4)] public float GainDb { get; init; }

    /// <summary>Makes quiet audio louder, slowly.</summary>
    [Id(5)] public bool AutomaticGain { get; init; }

    /// <summary>Bytes of one sample of every channel.</summary>
    public int BytesPerFrame => Channels * Encoding switch
    {
        AudioEncoding.Pcm16 => 2,
        AudioEncoding.Pcm24 => 3,
        AudioEncoding.Pcm32 or AudioEncoding.Float32 => 4,
        _ => 1,
    };
}
