using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Cli;

public enum OutputFormat
{
    Table,
    Json,
    Csv,
}

/// <summary>Options that several commands share.</summary>
internal static class Options
{
    public static Option<OutputFormat> Format() => new("--format")
    {
        Description = "table for people; json (one object per line) and csv for programs.",
        DefaultValueFactory = _ => OutputFormat.Table,
    };

    public static Option<string?> Model() => new("--model") { Description = "Model directory in Hugging Face layout (default: the built-in model)." };

    public static Option<int> Top(int absent)
    {
        var option = new Option<int>("--top") { Description = $"Labels that are shown, 1 or more (default: {absent}).", DefaultValueFactory = _ => absent };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var top) && top < 1)
            {
                result.AddError($"--top is {top}; it must be 1 or more.");
            }
        });
        return option;
    }

    public static Option<TimeSpan> Chunk() => Duration("--chunk", "Committed audio per step, a multiple of 0.32s (default: 0.96s).", new StreamSessionOptions().Chunk);

    public static Option<TimeSpan> LookAhead() =>
        Duration("--look-ahead", "Audio after the chunk that is heard as context, a multiple of 0.01s (default: 0.64s).", new StreamSessionOptions().LookAhead);

    public static Option<Uri?> Grid() => new("--grid")
    {
        Description = "Address of a grid, e.g. http://127.0.0.1:5230 (default: start one in this process). The key of a tenant is taken from DASS_API_KEY.",
        CustomParser = result => Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : Refuse<Uri?>(result, $"--grid is '{result.Tokens[0].Value}'; it must be an http or https address."),
    };

    private static Option<TimeSpan> Duration(string name, string description, TimeSpan absent) => new(name)
    {
        Description = description,
        DefaultValueFactory = _ => absent,
        CustomParser = result => TryParseDuration(result.Tokens[0].Value, out var duration)
            ? duration
            : Refuse<TimeSpan>(result, $"{name} is '{result.Tokens[0].Value}'; it must be a duration such as 0.96s, 640ms or 1m."),
    };

    internal static bool TryParseDuration(string text, out TimeSpan duration)
    {
        var (number, seconds) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 0.001m)
            : text.EndsWith('s') ? (text[..^1], 1m)
            : text.EndsWith('m') ? (text[..^1], 60m)
            : (text, 0m);
        var valid = decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && seconds > 0 && value <= 1_000_000;
        duration = valid ? TimeSpan.FromTicks((long)(value * seconds * TimeSpan.TicksPerSecond)) : default;
        return valid;
    }

    private static T Refuse<T>(ArgumentResult result, string message)
    {
        result.AddError(message);
        return default!;
    }
}
