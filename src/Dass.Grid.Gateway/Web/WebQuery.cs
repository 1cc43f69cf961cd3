using System.Globalization;
using System.Numerics;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;

namespace Dass.Grid.Gateway.Web;

/// <summary>From the query of a URL to a request. Names are those of the fields; times are seconds.</summary>
internal sealed class WebQuery(IQueryCollection query)
{
    private static readonly string[] FilterNames =
        ["top", "min_score", "label", "dense", "min_peak_score", "min_event_duration", "spectrogram"];

    /// <summary>Of <see cref="Subscribe"/>.</summary>
    public static readonly string[] SubscribeNames =
        [.. FilterNames, "stream_id", "prefix", "all_streams", "from_chunk", "events_only", "min_interval", "slow"];

    /// <summary>Of <see cref="Stream"/>.</summary>
    public static readonly string[] StreamNames =
    [
        .. FilterNames,
        "encoding", "sample_rate_hz", "channels", "model", "chunk", "look_ahead", "from_chunk", "oldest_sample", "switch_model", "begun",
    ];

    /// <summary>Of <see cref="Export"/>.</summary>
    public static readonly string[] ExportNames = ["format", "stream_id", "prefix", "label", "from", "to", "min_peak_score"];

    /// <exception cref="RpcException">INVALID_ARGUMENT: a value is none of its kind.</exception>
    public SubscribeRequest Subscribe()
    {
        Known(SubscribeNames);
        var names = query["stream_id"];
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
        if (query.ContainsKey("from_chunk"))
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
            SwitchModel = Flag("switch_model"),
            Begun = Time("begun"),
            Filter = Filter(),
        };
        if (query.ContainsKey("encoding") || query.ContainsKey("sample_rate_hz"))
        {
            config.Format = new AudioFormat
            {
                Encoding = Value("encoding", Encoding.Pcm16, TryParseEnum, "pcm16, pcm24, pcm32, float32, a_law or mu_law"),
                SampleRateHz = Number<int>("sample_rate_hz"),
                Channels = query.ContainsKey("channels") ? Number<int>("channels") : 1,
            };
        }
        if (query.ContainsKey("from_chunk"))
        {
            config.FromChunk = Number<long>("from_chunk");
        }
        if (query.ContainsKey("oldest_sample"))
        {
            config.OldestSample = Number<long>("oldest_sample");
        }
        return config;
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
                StreamIds = { query["stream_id"].OfType<string>() },
                Prefix = Text("prefix"),
                Labels = { query["label"].OfType<string>() },
                From = Time("from"),
                To = Time("to"),
                MinPeakScore = Score("min_peak_score"),
            },
        };
    }

    private delegate bool TryParse<T>(string text, out T value);

    private TagFilter Filter()
    {
        var filter = new TagFilter
        {
            MinScore = Score("min_score"),
            Labels = { query["label"].OfType<string>() },
            Dense = Flag("dense"),
            Spectrogram = Flag("spectrogram"),
            MinEventDuration = Span("min_event_duration"),
        };
        if (query.ContainsKey("min_peak_score"))
        {
            filter.MinPeakScore = Score("min_peak_score");
        }
        if (query.ContainsKey("top"))
        {
            filter.Top = Number<int>("top");
        }
        return filter;
    }

    // A misspelt name would be ignored without notice.
    private void Known(string[] names)
    {
        foreach (var name in query.Keys)
        {
            if (!names.Contains(name))
            {
                throw ProtocolErrors.Query("the query", name, $"its names are {string.Join(", ", names)}");
            }
        }
    }

    private string Text(string name) => query[name].ToString();

    private bool Flag(string name) => Value(name, false, bool.TryParse, "true or false");

    private T Number<T>(string name)
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> =>
        Value(
            name, T.Zero,
            (string text, out T value) => T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value),
            QueryFields.WholeNumber<T>());

    private float Score(string name) =>
        Value(
            name, 0f,
            (string text, out float value) => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value),
            "a number");

    private Timestamp? Time(string name) => !query.ContainsKey(name) ? null : Timestamp.FromDateTimeOffset(Value(
        name, default(DateTimeOffset),
        (string text, out DateTimeOffset value) =>
            DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out value),
        "a time such as 2026-03-01T12:00Z"));

    private Duration? Span(string name)
    {
        if (!query.ContainsKey(name))
        {
            return null;
        }
        var seconds = Value(
            name, 0.0,
            (string text, out double value) =>
                double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && Math.Abs(value) < 1e6,
            "seconds");
        return TimeSpan.FromSeconds(seconds).ToDuration();
    }

    // Field names of the protocol: "drop_oldest" is DropOldest.
    private static bool TryParseEnum<T>(string text, out T value)
        where T : struct => System.Enum.TryParse(text.Replace("_", ""), ignoreCase: true, out value);

    private T Value<T>(string name, T absent, TryParse<T> parse, string rule)
    {
        var text = Text(name);
        return text.Length == 0 ? absent : parse(text, out var value) ? value : throw ProtocolErrors.Query(name, text, rule);
    }
}
