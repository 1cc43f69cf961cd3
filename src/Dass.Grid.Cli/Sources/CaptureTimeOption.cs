using System.CommandLine;

namespace Dass.Grid.Cli.Sources;

/// <summary><c>--capture-time</c>.</summary>
internal static class CaptureTimeOption
{
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
