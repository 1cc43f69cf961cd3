using System.Globalization;

namespace Dass.Grid.Cli.Recordings;

/// <summary>A sound that a script must be told of, with the score that it must reach.</summary>
/// <param name="Label">A label's name or id; its kinds in AudioSet's tree count, too.</param>
/// <param name="Threshold">0 to 1. Null: that of all events.</param>
internal sealed record AlarmRule(string Label, float? Threshold)
{
    /// <summary>From <c>LABEL</c> or <c>LABEL=THRESHOLD</c>.</summary>
    /// <returns>Null: what stands behind the last = is no score.</returns>
    public static AlarmRule? Parse(string text)
    {
        if (text.LastIndexOf('=') is var split && split < 0)
        {
            return new AlarmRule(text, null);
        }
        return float.TryParse(text.AsSpan(split + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var score)
            && score is >= 0 and <= 1
            ? new AlarmRule(text[..split], score)
            : null;
    }
}
