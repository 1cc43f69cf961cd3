using System.Globalization;
using System.Numerics;
using System.Text;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Encoding = Dass.Grid.V1.Encoding;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// From the query of a URL to a request. Names are those of the fields, as the protos or as JSON spell them, which single calls take, too;
/// spans are seconds, <c>1.5</c> or <c>1.5s</c>.
/// </summary>
internal sealed class WebQuery
{
    private const string Selection = "selection_"; // as single calls name the fields of EventSelection

    private readonly Dictionary<string, StringValues> _query = new(StringComparer.Ordinal);

    public WebQuery(IQueryCollection query)
    {
        foreach (var (name, values) in query)
        {
            var known = Canonical(name);
            _query[known] = StringValues.Concat(_query.GetValueOrDefault(known), values);
        }
    }

    private static readonly string[] FilterNames =
        ["top", "min_score", "label", "dense", "min_peak_score", "min_event_duration", "spectrogram"];

    /// <summary>Of <see cref="Subscribe"/>.</summary>
    public static readonly string[] SubscribeNames =
        [.. FilterNames, "stream_id", "prefix", "all_streams", "from_chunk", "events_only", "min_interval", "slow"];

    /// <summary>Of <see cref="Stream"/>.</summary>
    public static readonly string[] StreamNames =
    [
        .. FilterNames,
        "encoding", "sample_rate_hz", "channels", "channel", "gain_db", "automatic_gain",
        "model", "chunk", "look_ahead", "latency_budget", "from_chunk", "oldest_sample", "switch_model", "begun",
    ];

    /// <summary>Of <see cref="Tag"/>.</summary>
    public static readonly string[] TagNames = [.. FilterNames, "model", "chunk", "look_ahead"];

    /// <summary>Of <see cref="Export"/>.</summary>
    public static readonly string[] ExportNames = ["format", "stream_id", "prefix", "label", "from", "to", "min_peak_score"];

    /// <exception cref="RpcException">INVALID_ARGUMENT: a value is none of its kind.</exception>
    public SubscribeRequest Subscribe()
    {
        Known(SubscribeNames);
        var names = _query.GetValueOrDefault("stream_id");
        var request = new SubscribeRequest
        {
            StreamId = names.Count == 1 ? names[0] : "",
            StreamIds = { names.Count > 1 ? names.OfType<string>() : [] },
            Prefix = Text("prefix"),
            AllStreams = Flag("all_streams"),
            EventsOnly = Flag("events_only"),
            MinInterval = Span("min_interval"),
            Slow = Value("slow", SlowPolicy.Unspecified, TryParseEnum, "drop_oldest, keep_events or disconnect"),
            Filter = Filter(),
        };
        if (_query.ContainsKey("from_chunk"))
        {
            request.FromChunk = Number<long>("from_chunk");
        }
        return request;
    }

    /// <exception cref="RpcException">INVALID_ARGUMENT: a value is none of its kind.</exception>
    public StreamConfig Stream(string id)
    {
        Known(StreamNames);
        var config = new StreamConfig
        {
            StreamId = id,
            Model = Text("model"),
            Chunk = Span("chunk"),
            LookAhead = Span("look_ahead"),
            LatencyBudget = Span("latency_budget"),
            SwitchModel = Flag("switch_model"),
            Begun = Time("begun"),
            Filter = Filter(),
        };
        if (_query.ContainsKey("encoding") || _query.ContainsKey("sample_rate_hz"))
        {
            config.Format = new AudioFormat
            {
                Encoding = Value("encoding", Encoding.Pcm16, TryParseEnum, "pcm16, pcm24, pcm32, float32, a_law or mu_law"),
                SampleRateHz = Number<int>("sample_rate_hz"),
                Channels = _query.ContainsKey("channels") ? Number<int>("channels") : 1,
                Channel = _query.ContainsKey("channel") ? Number<int>("channel") : 0,
                GainDb = Real("gain_db"),
                AutomaticGain = Flag("automatic_gain"),
            };
        }
        if (_query.ContainsKey("from_chunk"))
        {
            config.FromChunk = Number<long>("from_chunk");
        }
        if (_query.ContainsKey("oldest_sample"))
        {
            config.OldestSample = Number<long>("oldest_sample");
        }
        return config;
    }

    /// <summary>All of it but the audio.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: a value is none of its kind.</exception>
    public TagRequest Tag()
    {
        Known(TagNames);
        return new TagRequest { Model = Text("model"), Chunk = Span("chunk"), LookAhead = Span("look_ahead"), Filter = Filter() };
    }

    /// <exception cref="RpcException">INVALID_ARGUMENT: a value is none of its kind.</exception>
    public ExportEventsRequest Export()
    {
        Known(ExportNames);
        return new ExportEventsRequest
        {
            Format = Value("format", ExportFormat.JsonLines, TryParseEnum, "json_lines, csv, audacity, rttm or webvtt"),
            Selection = new EventSelection
            {
                StreamIds = { _query.GetValueOrDefault("stream_id").OfType<string>() },
                Prefix = Text("prefix"),
                Labels = { _query.GetValueOrDefault("label").OfType<string>() },
                From = Time("from"),
                To = Time("to"),
                MinPeakScore = Real("min_peak_score"),
            },
        };
    }

    private delegate bool TryParse<T>(string text, out T value);

    private TagFilter Filter()
    {
        var filter = new TagFilter
        {
            MinScore = Real("min_score"),
            Labels = { _query.GetValueOrDefault("label").OfType<string>() },
            Dense = Flag("dense"),
            Spectrogram = Flag("spectrogram"),
            MinEventDuration = Span("min_event_duration"),
        };
        if (_query.ContainsKey("min_peak_score"))
        {
            filter.MinPeakScore = Real("min_peak_score");
        }
        if (_query.ContainsKey("top"))
        {
            filter.Top = Number<int>("top");
        }
        return filter;
    }

    /// <summary>eventsOnly is events_only, and selection.labels is label.</summary>
    private static string Canonical(string name)
    {
        var words = new StringBuilder(name.Length + 4);
        foreach (var letter in name)
        {
            _ = char.IsAsciiLetterUpper(letter) ? words.Append('_').Append(char.ToLowerInvariant(letter))
                : words.Append(letter == '.' ? '_' : letter);
        }
        var field = $"{words}";
        field = field.StartsWith(Selection, StringComparison.Ordinal) ? field[Selection.Length..] : field;
        return field switch { "stream_ids" => "stream_id", "labels" => "label", _ => field };
    }

    // A misspelt name would be ignored without notice.
    private void Known(string[] names)
    {
        foreach (var name in _query.Keys)
        {
            if (!names.Contains(name))
            {
                throw ProtocolErrors.Query("the query", name, $"its names are {string.Join(", ", names)}");
            }
        }
    }

    private string Text(string name) => _query.GetValueOrDefault(name).ToString();

    private bool Flag(string name) => Value(name, false, bool.TryParse, "true or false");

    private T Number<T>(string name)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> =>
        Value(
            name, T.Zero,
            (string text, out T value) => T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value),
            QueryFields.WholeNumber<T>());

    private float Real(string name) =>
        Value(
            name, 0f,
            (string text, out float value) => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value),
            "a number");

    private Timestamp? Time(string name) =>
        Value(
            name, default(Timestamp),
            (string text, out Timestamp? value) =>
            {
                if (QueryFields.TryParse(text, out value)) // with nanoseconds, as Ready.begun has them
                {
                    return true;
                }
                var isMoment = MomentText.TryParse(text, out var moment);
                value = isMoment ? Timestamp.FromDateTimeOffset(moment) : null;
                return isMoment;
            },
            "a time such as 2026-03-01T12:00Z");

    private Duration? Span(string name)
    {
        if (!_query.ContainsKey(name))
        {
            return null;
        }
        var seconds = Value(
            name, 0.0,
            (string text, out double value) =>
                double.TryParse(text.TrimEnd('s'), NumberStyles.Float, CultureInfo.InvariantCulture, out value) && Math.Abs(value) < 1e6,
            "seconds");
        return TimeSpan.FromSeconds(seconds).ToDuration();
    }

    // Names of the protocol: "drop_oldest" and, as JSON has it, "SLOW_POLICY_DROP_OLDEST" are DropOldest.
    private static bool TryParseEnum<T>(string text, out T value)
        where T : struct
    {
        var name = text.Replace("_", "", StringComparison.Ordinal);
        return System.Enum.TryParse(name, ignoreCase: true, out value)
            || (name.StartsWith(typeof(T).Name, StringComparison.OrdinalIgnoreCase)
                && System.Enum.TryParse(name[typeof(T).Name.Length..], ignoreCase: true, out value));
    }

    private T Value<T>(string name, T absent, TryParse<T> parse, string rule)
    {
        var text = Text(name);
        return text.Length == 0 ? absent : parse(text, out var value) ? value : throw ProtocolErrors.Query(name, text, rule);
    }
}
