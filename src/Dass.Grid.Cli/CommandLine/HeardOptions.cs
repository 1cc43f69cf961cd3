using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.CommandLine;

/// <summary>What is heard of audio.</summary>
/// <param name="Channel">From 1; 0: the mean of all.</param>
/// <param name="GainDb">By which it is louder or quieter.</param>
/// <param name="AutomaticGain">Whether quiet audio is raised slowly.</param>
internal readonly record struct Heard(int Channel, float GainDb, bool AutomaticGain)
{
    public AudioFormat Of(AudioFormat format) => format with { Channel = Channel, GainDb = GainDb, AutomaticGain = AutomaticGain };
}

/// <summary>The same as options.</summary>
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

    private readonly Option<(float Db, bool Automatic)> _gain = new("--gain")
    {
        HelpName = "DB|auto",
        Description = "Makes what is heard louder or quieter, -60 to 60 dB; auto raises quiet audio slowly (default: 0).",
        CustomParser = result => ParseGain(result.Tokens[0].Value)
            ?? Refuse<(float, bool)>(result, $"--gain is '{result.Tokens[0].Value}'; {GainRule}."),
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

    /// <returns>Null: the text is neither a number of dB nor <c>auto</c>.</returns>
    public static (float Db, bool Automatic)? ParseGain(string text) => text == "auto" ? (0, true)
        : float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var gain) && MathF.Abs(gain) <= AudioFormat.MaxGainDb
            ? (gain, false) : null;

    public Heard From(ParseResult parsed)
    {
        var (db, automatic) = parsed.GetValue(_gain);
        return new Heard(parsed.GetValue(_channel), db, automatic);
    }

    private static T? Refuse<T>(ArgumentResult result, string problem)
    {
        result.AddError(problem);
        return default;
    }
}
