using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.CommandLine;

/// <summary>What is heard of audio, as options: a channel, and a gain.</summary>
internal sealed class HeardOptions
{
    public const string ChannelRule = "it must be mix, left, right, or a number from 1";
    public const string GainRule = "it must be -60 to 60 dB, or auto";

    private readonly Option<int> _channel = new("--channel")
    {
        HelpName = "mix|left|right|N",
        Description = "Which channel is heard (default: mix, the mean of all; of two that are inverse to each other that is silence).",
        CustomParser = result => ParseChannel(result.Tokens[0].Value)
            ?? Refuse<int>(result, $"--channel is '{result.Tokens[0].Value}'; {ChannelRule}."),
    };

    private readonly Option<float?> _gain = new("--gain")
    {
        HelpName = "DB|auto",
        Description = "Makes what is heard louder or quieter, -60 to 60 dB; auto raises quiet audio slowly (default: 0).",
        CustomParser = result => ParseGain(result.Tokens[0].Value)
            ?? Refuse<float?>(result, $"--gain is '{result.Tokens[0].Value}'; {GainRule}."),
    };

    public Option[] All => [_channel, _gain];

    /// <returns>From 1; 0: the mean of all; null: the text is none of them.</returns>
    public static int? ParseChannel(string text) => text switch
    {
        "mix" => 0,
        "left" => 1,
        "right" => 2,
        _ => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 ? number : null,
    };

    /// <returns>dB; NaN: automatic; null: the text is neither.</returns>
    public static float? ParseGain(string text) => text == "auto" ? float.NaN
        : float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var gain) && MathF.Abs(gain) <= AudioFormat.MaxGainDb
            ? gain : null;

    /// <summary>The format with a channel and a gain as these parsers give them.</summary>
    public static AudioFormat Of(AudioFormat format, int channel, float? gain) => format with
    {
        Channel = channel, GainDb = gain is { } db && !float.IsNaN(db) ? db : 0, AutomaticGain = gain is float.NaN,
    };

    /// <summary>What the command line wants to hear of a format.</summary>
    public Func<AudioFormat, AudioFormat> From(ParseResult parsed)
    {
        var (channel, gain) = (parsed.GetValue(_channel), parsed.GetValue(_gain));
        return format => Of(format, channel, gain);
    }

    private static T? Refuse<T>(ArgumentResult result, string problem)
    {
        result.AddError(problem);
        return default;
    }
}
