using System.CommandLine;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.CommandLine;

/// <summary>What raw samples are, as options.</summary>
internal sealed class RawOptions
{
    private readonly Option<int?> _rate = Options.Whole(
        "--rate", "FILE holds raw samples of this rate in Hz,", AudioFormat.MinSampleRateHz, AudioFormat.MaxSampleRateHz, absent: null);

    private readonly Option<int?> _channels = Options.Whole(
        "--channels", "Interleaved channels of raw samples,", 1, AudioFormat.MaxChannels, absent: 1);

    private readonly Option<SampleEncoding> _encoding = Options.Word("--encoding", "Encoding of raw samples.", SampleEncoding.Pcm16);

    public Option[] All => [_rate, _channels, _encoding];

    /// <summary>Null: the audio says itself what it is.</summary>
    public AudioFormat? From(ParseResult parsed) => parsed.GetValue(_rate) is { } rate
        ? new AudioFormat(parsed.GetValue(_encoding), rate, parsed.GetValue(_channels)!.Value)
        : null;
}
