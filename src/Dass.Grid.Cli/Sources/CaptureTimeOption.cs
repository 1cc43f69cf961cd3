using System.CommandLine;

namespace Dass.Grid.Cli.Sources;

/// <summary><c>--capture-time</c>.</summary>
internal static class CaptureTimeOption
{
    /// <summary>The rule for what comes through a pipe.</summary>
    public const string PipeRule = "--capture-time must be a time for a pipe, which has neither a last write nor a name that tells it.";

    public static Option<CaptureTime?> Create(string absent) => new("--capture-time")
    {
        HelpName = "TIME",
        Description = $"When a recording was made: {CaptureTime.Help} (default: {absent}).",
        CustomParser = result =>
        {
            if (CaptureTime.Parse(result.Tokens[0].Value, TimeProvider.System) is { } time)
            {
                return time;
            }
            result.AddError($"--capture-time is '{result.Tokens[0].Value}'; it must be {CaptureTime.Help}.");
            return null;
        },
    };
}
