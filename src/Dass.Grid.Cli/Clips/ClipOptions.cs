using System.CommandLine;
using System.Globalization;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Client;
using Grpc.Core;

namespace Dass.Grid.Cli.Clips;

/// <summary>Which audio around events is kept, where, and for how long.</summary>
internal sealed record ClipRules
{
    public required string Folder { get; init; }

    /// <summary>Labels by name, with the peak from which their events have clips. Empty: all events.</summary>
    public IReadOnlyDictionary<string, float> Labels { get; init; } = new Dictionary<string, float>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Audio before and after an event that belongs to its clip.</summary>
    public TimeSpan Margin { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Of longer events only the beginning is kept.</summary>
    public TimeSpan Longest { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Audio that is held in memory until its tags are there.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A chunk in which speech has this score is silence in a clip, 0 to 1. Null: speech is kept, too.</summary>
    public float? SpeechFrom { get; init; } = ClipOptions.DefaultSpeech;

    /// <summary>Older clips are deleted.</summary>
    public TimeSpan Age { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Bytes of all clips; beyond them the oldest are deleted.</summary>
    public long MaxBytes { get; init; } = 1_000L << 20;

    /// <summary>Says what is wrong with the labels, if the grid is there.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="eventLabels">Labels that streams ask for though they are not offered.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="UsageException">No model has a label.</exception>
    public async Task CheckAsync(GridClient grid, IEnumerable<string> eventLabels, CancellationToken cancellationToken)
    {
        if (Labels.Count == 0)
        {
            return;
        }
        try
        {
            var known = await KnownLabels.AskAsync(grid, cancellationToken).ConfigureAwait(false);
            if (Labels.Keys.Select(known.Missing).OfType<string>().FirstOrDefault() is { } missing)
            {
                throw new UsageException($"--clip-label: {missing}");
            }
            foreach (var hidden in Labels.Keys.Except(eventLabels, StringComparer.OrdinalIgnoreCase).Select(known.Hidden).OfType<string>())
            {
                Terminal.Note($"--clip-label: {hidden}");
            }
        }
        catch (RpcException away)
        {
            Terminal.Note($"the labels of --clip-label have not been checked: {away.Status.Detail}");
        }
    }

    public bool Wants(string label, float peak) => Labels.Count == 0 || (Labels.TryGetValue(label, out var least) && peak >= least);
}

/// <summary>The same as options.</summary>
internal sealed class ClipOptions
{
    public const float DefaultSpeech = 0.2f;

    private readonly Option<string?> _folder = new("--clips")
    {
        HelpName = "DIR", Description = "Keeps the audio around events there, with a picture of each; it never reaches the grid's store.",
    };

    private readonly Option<string[]> _labels = new("--clip-label")
    {
        HelpName = "LABEL[=PEAK]",
        Description = "Only events of the label, from the peak score on; may be given several times (default: all events).",
    };

    private readonly Option<TimeSpan> _age = Options.Span("--clips-age", "Older clips are deleted.", TimeSpan.FromDays(7));

    private readonly Option<int?> _size = Options.Whole(
        "--clips-size", "MiB of all clips; beyond them the oldest are deleted,", 1, 1_000_000, absent: 1_000);

    private readonly Option<bool> _speech = new("--keep-speech")
    {
        Description = "Also keep what people say. Else a chunk in which speech has a score of 0.2 is silence in a clip.",
    };

    public ClipOptions() => _labels.Validators.Add(result =>
    {
        foreach (var token in result.Tokens.Where(token => Parse(token.Value) is null))
        {
            result.AddError($"--clip-label is '{token.Value}'; behind the label and = must be a score from 0 to 1.");
        }
    });

    public Option[] All => [_folder, _labels, _age, _size, _speech];

    /// <summary>Null: no clips are kept.</summary>
    /// <exception cref="UsageException">The folder cannot be written, or there is none and another option says how clips are kept.
    /// </exception>
    public ClipRules? From(ParseResult parsed)
    {
        if (parsed.GetValue(_folder) is not { } folder)
        {
            return ((Option[])[_labels, _age, _size, _speech]).FirstOrDefault(each => parsed.GetResult(each) is { Implicit: false })
                is { } alone
                ? throw new UsageException($"{alone.Name} says how clips are kept; --clips DIR says where, and is missing.")
                : null;
        }
        ClipFiles.Prepare(folder);
        return new ClipRules
        {
            Folder = folder,
            Labels = (parsed.GetValue(_labels) ?? []).Select(text => Parse(text)!.Value)
                .GroupBy(label => label.Label, StringComparer.OrdinalIgnoreCase)
                .ToDictionary(same => same.Key, same => same.Min(label => label.Peak), StringComparer.OrdinalIgnoreCase),
            Age = parsed.GetValue(_age),
            MaxBytes = (long)parsed.GetValue(_size)!.Value << 20,
            SpeechFrom = parsed.GetValue(_speech) ? null : DefaultSpeech,
        };
    }

    private static (string Label, float Peak)? Parse(string text)
    {
        var split = text.LastIndexOf('=');
        return split < 0 ? (text, 0f)
            : float.TryParse(text.AsSpan(split + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out var peak)
                && peak is >= 0 and <= 1 ? (text[..split], peak) : null;
    }
}
