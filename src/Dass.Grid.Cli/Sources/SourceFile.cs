using System.Text.Json;
using System.Text.RegularExpressions;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Sources;

/// <summary>
/// A file of sources:
/// <code>
/// { "sources": [ { "id": "yard", "url": "rtsp://camera/1" }, { "id": "cards", "folder": "/mnt/sd", "capture_time": "mtime" } ] }
/// </code>
/// <c>${NAME}</c> in a text is the environment variable of that name, so that passwords stay out of the file.
/// </summary>
internal static partial class SourceFile
{
    private static readonly string[] Fields =
    [
        "id", "url", "device", "command", "pipe", "folder", "rate", "channels", "encoding", "channel", "gain", "model", "event_labels",
        "stall",
        "pattern", "capture_time", "input_options",
    ];

    private static readonly string[] Kinds = ["url", "device", "command", "pipe", "folder"];

    /// <exception cref="FormatException">Lists everything that is wrong, each with the place in the file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read, or is a directory.</exception>
    public static async Task<IReadOnlyList<SourceSpec>> ReadAsync(string path, CancellationToken cancellationToken) =>
        Parse(await File.ReadAllTextAsync(path, cancellationToken).ConfigureAwait(false), path, TimeProvider.System);

    internal static IReadOnlyList<SourceSpec> Parse(string text, string path, TimeProvider clock)
    {
        var problems = new List<string>();
        var specs = new List<SourceSpec>();
        try
        {
            using var json = JsonDocument.Parse(
                text, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (json.RootElement.ValueKind != JsonValueKind.Object
                || !json.RootElement.TryGetProperty("sources", out var sources) || sources.ValueKind != JsonValueKind.Array)
            {
                throw new FormatException($"{path}: it must be an object with a list named sources.");
            }
            RefuseUnknown(json.RootElement, "", ["sources"], problems);
            var place = 0;
            foreach (var source in sources.EnumerateArray())
            {
                if (new SourceReader(source, $"sources[{place++}]", clock, problems).Read() is { } spec)
                {
                    specs.Add(spec);
                }
            }
        }
        catch (JsonException broken)
        {
            problems.Add($"line {broken.LineNumber + 1}: it is no JSON. {broken.Message}");
        }
        problems.AddRange(specs.GroupBy(spec => spec.Id).Where(ids => ids.Count() > 1).Select(ids => $"id '{ids.Key}' is used twice."));
        return problems.Count == 0
            ? specs
            : throw new FormatException(
                $"{path} cannot be used:{string.Concat(problems.Select(problem => $"{Environment.NewLine}  {problem}"))}");
    }

    private static void RefuseUnknown(JsonElement element, string place, string[] known, List<string> problems)
    {
        foreach (var field in element.EnumerateObject().Where(field => !known.Contains(field.Name)))
        {
            problems.Add($"{place}{(place.Length > 0 ? "." : "")}{field.Name} is not known.{Nearest.Question(field.Name, known)}");
        }
    }

    [GeneratedRegex(@"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", RegexOptions.CultureInvariant)]
    private static partial Regex Variable();

    [GeneratedRegex("^[A-Za-z0-9._~-]{1,128}$", RegexOptions.CultureInvariant)]
    private static partial Regex StreamId();

    /// <summary>Reads one source; what is wrong goes to the list.</summary>
    private sealed class SourceReader(JsonElement source, string place, TimeProvider clock, List<string> problems)
    {
        public SourceSpec? Read()
        {
            var before = problems.Count;
            if (source.ValueKind != JsonValueKind.Object)
            {
                problems.Add($"{place} is not an object.");
                return null;
            }
            RefuseUnknown(source, place, Fields, problems);
            var kinds = Kinds.Where(kind => source.TryGetProperty(kind, out _)).ToArray();
            if (kinds.Length != 1)
            {
                problems.Add($"{place} must have one of {string.Join(", ", Kinds)}; it has {kinds.Length}.");
                return null;
            }
            var kind = Enum.Parse<SourceKind>(kinds[0], ignoreCase: true);
            var spec = new SourceSpec
            {
                Id = Id(),
                Kind = kind,
                Address = kind == SourceKind.Command ? "" : Text(kinds[0]) ?? "",
                Command = kind == SourceKind.Command ? Texts("command") : [],
                Raw = Raw(kind),
                InputOptions = Texts("input_options"),
                Heard = Heard(),
                Model = Text("model") ?? "",
                EventLabels = Texts("event_labels"),
                Stall = Stall(kind),
                Pattern = Text("pattern") ?? "*",
                CaptureTime = Captured(kind),
            };
            CheckPlace(spec);
            return problems.Count == before ? spec : null;
        }

        private string Id()
        {
            var id = Text("id") ?? "";
            if (!StreamId().IsMatch(id))
            {
                problems.Add($"{place}.id is '{id}'; it must be 1 to 128 of A-Z a-z 0-9 . _ ~ -");
            }
            return id;
        }

        private void CheckPlace(SourceSpec spec)
        {
            switch (spec.Kind)
            {
                case SourceKind.Url when SourceSpec.KindOf(spec.Address) != SourceKind.Url:
                    problems.Add($"{place}.url is '{spec.Shown}'; it must be an address of rtsp, http, https, rtmp, srt or udp.");
                    break;
                case SourceKind.Device when SourceSpec.KindOf(spec.Address) != SourceKind.Device:
                    problems.Add($"{place}.device is '{spec.Address}'; it must be alsa:NAME or pulse:NAME.");
                    break;
                case SourceKind.Command when spec.Command.Count == 0:
                    problems.Add($"{place}.command is empty; it must be a list of a program and its arguments.");
                    break;
            }
        }

        private AudioFormat? Raw(SourceKind kind)
        {
            if (kind is SourceKind.Url or SourceKind.Device or SourceKind.Folder)
            {
                foreach (var field in (string[])["rate", "channels", "encoding"])
                {
                    if (source.TryGetProperty(field, out _))
                    {
                        problems.Add($"{place}.{field} is for commands and pipes; ffmpeg knows that of other sources.");
                    }
                }
                return null;
            }
            if (Whole("rate") is not { } rate)
            {
                if (kind == SourceKind.Pipe)
                {
                    problems.Add($"{place}.rate is missing; a pipe gives raw samples, and their rate must be known.");
                }
                return null;
            }
            var encoding = Text("encoding") ?? "pcm16";
            if (!Options.TryParseWord<SampleEncoding>(encoding, out var samples))
            {
                problems.Add(
                    $"{place}.encoding is '{encoding}'; it must be one of "
                    + $"{string.Join(", ", Enum.GetNames<SampleEncoding>()).ToLowerInvariant()}.");
                return null;
            }
            try
            {
                var format = new AudioFormat(samples, rate, Whole("channels") ?? 1);
                format.Validate();
                return format;
            }
            catch (AudioFormatException broken)
            {
                problems.Add($"{place}: {broken.Message}");
                return null;
            }
        }

        private Heard Heard()
        {
            var (channel, gain) = (Text("channel", canBeNumber: true), Text("gain", canBeNumber: true));
            var (one, parsed) = (HeardOptions.ParseChannel(channel ?? "mix"), HeardOptions.ParseGain(gain ?? "0"));
            if (one is null or > 64)
            {
                problems.Add($"{place}.channel is {channel}; {HeardOptions.ChannelRule}.");
            }
            if (parsed is null)
            {
                problems.Add($"{place}.gain is {gain}; {HeardOptions.GainRule}.");
            }
            return new Heard(one ?? 0, parsed?.Db ?? 0, parsed?.Automatic ?? false);
        }

        private TimeSpan Stall(SourceKind kind)
        {
            var absent = kind == SourceKind.Pipe ? TimeSpan.Zero : TimeSpan.FromSeconds(30); // a pipe waits for a program that writes
            if (Text("stall") is not { } text)
            {
                return absent;
            }
            if (text == "never")
            {
                return TimeSpan.Zero;
            }
            if (!Options.TryParseDuration(text, out var stall) || stall < TimeSpan.FromSeconds(1))
            {
                problems.Add($"{place}.stall is '{text}'; it must be never, or a duration from 1s such as 30s.");
            }
            return stall;
        }

        private CaptureTime? Captured(SourceKind kind)
        {
            if (Text("capture_time") is not { } text)
            {
                return null;
            }
            if (kind != SourceKind.Folder)
            {
                problems.Add($"{place}.capture_time is for folders; other sources are heard now.");
            }
            if (CaptureTime.Parse(text, clock) is not { } captured)
            {
                problems.Add($"{place}.capture_time is '{text}'; it must be {CaptureTime.Help}.");
                return null;
            }
            return captured;
        }

        private string? Text(string field, bool canBeNumber = false)
        {
            if (!source.TryGetProperty(field, out var value))
            {
                return null;
            }
            if (value.ValueKind == JsonValueKind.String)
            {
                return Expand(value.GetString()!, $"{place}.{field}");
            }
            if (canBeNumber && value.ValueKind == JsonValueKind.Number)
            {
                return value.GetRawText();
            }
            problems.Add($"{place}.{field} is {value.GetRawText()}; it must be a text.");
            return null;
        }

        private int? Whole(string field)
        {
            if (!source.TryGetProperty(field, out var value))
            {
                return null;
            }
            if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number))
            {
                return number;
            }
            problems.Add($"{place}.{field} is {value.GetRawText()}; it must be a whole number.");
            return null;
        }

        private string[] Texts(string field)
        {
            if (!source.TryGetProperty(field, out var list))
            {
                return [];
            }
            if (list.ValueKind != JsonValueKind.Array || list.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String))
            {
                problems.Add($"{place}.{field} is {list.GetRawText()}; it must be a list of texts.");
                return [];
            }
            return [.. list.EnumerateArray().Select((item, i) => Expand(item.GetString()!, $"{place}.{field}[{i}]"))];
        }

        private string Expand(string text, string where) => Variable().Replace(text, match =>
        {
            if (Environment.GetEnvironmentVariable(match.Groups[1].Value) is { } value)
            {
                return value;
            }
            problems.Add($"{where} names the variable {match.Groups[1].Value}, which is not set.");
            return "";
        });
    }
}
