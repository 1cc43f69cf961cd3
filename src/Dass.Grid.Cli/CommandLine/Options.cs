using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Host;

namespace Dass.Grid.Cli.CommandLine;

/// <summary>Options that several commands share.</summary>
internal static class Options
{
    public static readonly Uri DefaultGrid = new(new GridOptions().Listen);

    public static Option<bool> Verbose { get; } = new("--verbose")
    {
        Description = "On failure, also show where in the program.",
        Recursive = true,
    };

    public static Option<OutputFormat> Format() =>
        Word("--format", "table for people; json (one object per line) and csv for programs.", OutputFormat.Table);

    public static Option<int?> Top(int absent) => Whole("--top", "Labels that are shown,", 1, 10_000, absent);

    public static Option<TimeSpan?> Chunk() =>
        Duration(
            "--chunk", "Committed audio per step, a multiple of 0.32s (default: 0.96s).",
            chunk => new StreamSessionOptions { Chunk = chunk });

    public static Option<TimeSpan?> LookAhead() =>
        Duration(
            "--look-ahead", "Audio after the chunk that is heard as context, a multiple of 0.01s (default: 0.64s).",
            lookAhead => new StreamSessionOptions { LookAhead = lookAhead });

    public static Option<TimeSpan?> LatencyBudget() =>
        Span(
            "--latency-budget",
            "How late tags may be, chunk and look-ahead together: within it chunks get longer while the grid is busy (default: never).");

    /// <summary>What <see cref="Chunk"/> and <see cref="LookAhead"/> ask for, or the engine's defaults.</summary>
    public static StreamSessionOptions Session(ParseResult parsed, Option<TimeSpan?> chunk, Option<TimeSpan?> lookAhead)
    {
        var absent = new StreamSessionOptions();
        return absent with { Chunk = parsed.GetValue(chunk) ?? absent.Chunk, LookAhead = parsed.GetValue(lookAhead) ?? absent.LookAhead };
    }

    public static Option<string?> KeyFile() => new("--api-key-file")
    {
        Description = "File with the tenant's API key for --grid (default: the variable DASS_API_KEY).",
        HelpName = "FILE",
    };

    public static Option<Uri?> Grid(string absent) => new("--grid")
    {
        Description = $"Address of a running grid, e.g. {DefaultGrid} (default: {absent}).",
        HelpName = "URL",
        CustomParser = result => Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : Refuse<Uri?>(result, $"--grid is '{result.Tokens[0].Value}'; it must be an http or https address."),
    };

    /// <summary>One of an enum's names, in lower case.</summary>
    public static Option<T> Word<T>(string name, string description, T absent)
        where T : struct, Enum
    {
        string[] words = [.. Enum.GetNames<T>().Select(word => word.ToLowerInvariant())];
        var option = new Option<T>(name)
        {
            Description = description,
            HelpName = string.Join('|', words),
            DefaultValueFactory = _ => absent,
            CustomParser = result =>
                TryParseWord<T>(result.Tokens[0].Value, out var value)
                    ? value
                    : Refuse<T>(result, $"{name} is '{result.Tokens[0].Value}'; it must be one of {string.Join('|', words)}."),
        };
        return option.Completing(words);
    }

    /// <summary>One name of an enum in any case; not a number, nor several names, which the enum itself would take.</summary>
    public static bool TryParseWord<T>(string text, out T value)
        where T : struct, Enum =>
        Enum.TryParse(text, ignoreCase: true, out value) && Enum.GetNames<T>().Contains(text, StringComparer.OrdinalIgnoreCase);

    /// <summary>A whole number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static Option<int?> Whole(string name, string description, int least, int most, int? absent)
    {
        var option = new Option<int?>(name)
        {
            Description = $"{description} {least} to {most}.",
            HelpName = "N",
            CustomParser = result =>
                int.TryParse(result.Tokens[0].Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
                && value >= least && value <= most
                    ? value
                    : Refuse<int?>(result, $"{name} is '{result.Tokens[0].Value}'; it must be a whole number from {least} to {most}."),
        };
        if (absent is not null)
        {
            option.DefaultValueFactory = _ => absent;
        }
        return option;
    }

    /// <summary>Labels that have events in spite of what the model says.</summary>
    public static Option<string[]> EventLabels() => new("--event-label")
    {
        HelpName = "LABEL",
        Description = "A label that has events though the model does not offer it or calls it background; may be given several times.",
    };

    /// <summary>Makes a mistyped option an error instead of the name of a file.</summary>
    public static Argument<T> RefusingOptions<T>(this Argument<T> files)
    {
        files.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => token.Value is ['-', _, ..] && !File.Exists(token.Value)))
            {
                result.AddError($"{token.Value} is neither an option nor a file.");
            }
        });
        return files;
    }

    public static Option<string?> Model() =>
        new("--model") { HelpName = "DIR", Description = "Model directory in Hugging Face layout (default: the built-in model)." };

    public static Option<StepPrecision> Precision() => new Option<StepPrecision>("--precision")
    {
        HelpName = "fp32|int8",
        Description = "How products are computed: int8 is faster, and differs a little (default: fp32).",
        CustomParser = result =>
            TryParseWord<StepPrecision>(result.Tokens[0].Value, out var precision) && precision is StepPrecision.Fp32 or StepPrecision.Int8
                ? precision
                : Refuse<StepPrecision>(result, $"--precision is '{result.Tokens[0].Value}'; it must be fp32 or int8."),
    }.Completing("fp32", "int8");

    /// <summary>A model of a grid that runs elsewhere, or of one inside this process.</summary>
    public static Option<string?> GridModel() => new("--model")
    {
        HelpName = "MODEL",
        Description = "Model directory in Hugging Face layout; with --grid, the name of one of its models "
            + "(default: the built-in model; with --grid, its default).",
    };

    /// <summary>Several durations, separated by commas.</summary>
    public static Option<TimeSpan[]> Durations(string name, string description, string absent) => new(name)
    {
        Description = $"{description} (default: {absent}).",
        HelpName = "DURATIONS",
        DefaultValueFactory = _ => ParseDurations(absent)!,
        CustomParser = result => ParseDurations(result.Tokens[0].Value)
            ?? Refuse<TimeSpan[]>(result, $"{name} is '{result.Tokens[0].Value}'; it must be durations such as 10s,5m,2.5h."),
    };

    /// <summary>Several numbers within bounds, separated by commas.</summary>
    public static Option<double[]> Numbers(string name, string description, double least, double most, string absent)
    {
        double[]? Parse(string text)
        {
            double Number(string part) =>
                double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : double.NaN;
            var parts = text.Split(',').Select(Number).ToArray();
            return parts.All(value => value >= least && value <= most) ? parts : null;
        }
        return new Option<double[]>(name)
        {
            Description = $"{description} (default: {absent}).",
            HelpName = "NUMBERS",
            DefaultValueFactory = _ => Parse(absent)!,
            CustomParser = result => Parse(result.Tokens[0].Value)
                ?? Refuse<double[]>(
                    result,
                    FormattableString.Invariant(
                        $"{name} is '{result.Tokens[0].Value}'; it must be numbers from {least} to {most}, separated by commas.")),
        };
    }

    /// <summary>A number from 0 to 1; null: not given.</summary>
    /// <summary>A time as people write it: see <see cref="Times"/>.</summary>
    public static Option<DateTimeOffset?> Time(string name, string description) => new(name)
    {
        HelpName = "TIME",
        Description = description,
        CustomParser = result =>
        {
            if (Times.TryParse(result.Tokens[0].Value, TimeProvider.System, out var time))
            {
                return time;
            }
            result.AddError($"{name} is '{result.Tokens[0].Value}'; it must be a time such as {Times.Examples}.");
            return null;
        },
    };

    public static Option<float?> Score(string name, string description) => new(name)
    {
        Description = $"{description} 0 to 1.",
        HelpName = "SCORE",
        CustomParser = result =>
            float.TryParse(result.Tokens[0].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && value is >= 0 and <= 1
                ? value
                : Refuse<float?>(result, $"{name} is '{result.Tokens[0].Value}'; it must be a number from 0 to 1."),
    };

    /// <summary>One duration; null: not given.</summary>
    public static Option<TimeSpan?> Span(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "DURATION",
        CustomParser = result => TryParseDuration(result.Tokens[0].Value, out var duration)
            ? duration
            : Refuse<TimeSpan?>(result, $"{name} is '{result.Tokens[0].Value}'; it must be a duration such as 0.5s, 30s or 5m."),
    };

    /// <summary>One duration.</summary>
    public static Option<TimeSpan> Span(string name, string description, TimeSpan absent) => new(name)
    {
        Description = description,
        HelpName = "DURATION",
        DefaultValueFactory = _ => absent,
        CustomParser = result => TryParseDuration(result.Tokens[0].Value, out var duration)
            ? duration
            : Refuse<TimeSpan>(result, $"{name} is '{result.Tokens[0].Value}'; it must be a duration such as 30s, 5m or 24h."),
    };

    private static TimeSpan[]? ParseDurations(string text)
    {
        var durations = text.Split(',').Select(part => TryParseDuration(part, out var duration) ? duration : TimeSpan.MinValue).ToArray();
        return durations.Contains(TimeSpan.MinValue) ? null : durations;
    }

    private static Option<TimeSpan?> Duration(string name, string description, Func<TimeSpan, StreamSessionOptions> session) => new(name)
    {
        Description = description,
        HelpName = "DURATION",
        CustomParser = result =>
        {
            if (!TryParseDuration(result.Tokens[0].Value, out var duration))
            {
                return Refuse<TimeSpan?>(
                    result, $"{name} is '{result.Tokens[0].Value}'; it must be a duration such as 0.96s, 640ms or 1m.");
            }
            try
            {
                session(duration).Validate();
                return duration;
            }
            catch (ArgumentException broken)
            {
                // The engine owns the rule; only its name for the field is not the user's.
                return Refuse<TimeSpan?>(result, $"{name} {broken.Message[broken.Message.IndexOf("is ", StringComparison.Ordinal)..]}");
            }
        },
    };

    /// <summary>A number and ms, s, m or h.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration) => DurationText.TryParse(text, out duration);

    /// <summary>The value of an option for a validator, which sees a refused one, too: that is an error of its own.</summary>
    public static T? ValueOr<T>(this CommandResult result, Option<T> option, T? refused)
    {
        try
        {
            return result.GetValue(option);
        }
        catch (InvalidOperationException)
        {
            return refused;
        }
    }

    /// <summary>What a shell completes the option with: an enum's own names would be offered with capitals.</summary>
    private static Option<T> Completing<T>(this Option<T> option, params string[] words)
    {
        option.CompletionSources.Clear();
        option.CompletionSources.Add(words);
        return option;
    }

    private static T Refuse<T>(ArgumentResult result, string message)
    {
        result.AddError(message);
        return default!;
    }
}
