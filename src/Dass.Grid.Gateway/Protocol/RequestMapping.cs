using System.Diagnostics.CodeAnalysis;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>From the fields of requests to the grains' terms. Rules of audio formats are the engine's and are checked there.</summary>
internal static class RequestMapping
{
    private const long TicksPerColumn = 320 * TimeSpan.TicksPerMillisecond;
    private const long TicksPerFrame = 10 * TimeSpan.TicksPerMillisecond;
    private const double MaxSpanSeconds = 10.24;
    private const double MaxLatencyBudgetSeconds = 2 * MaxSpanSeconds;
    private const double MaxRuleSeconds = 60; // of events
    private const double MaxEventSeconds = 3_600;
    private const double MaxSourceSeconds = 600;
    private const int MaxLabelRules = 1_000;
    private const int FirstCaptureYear = 1970;
    private const int LastCaptureYear = 7999;

    /// <summary>Clocks of the grid's machines may differ by this much.</summary>
    private static readonly TimeSpan ClockDifference = TimeSpan.FromMinutes(1);

    public static StreamSpec Spec(AudioFormat? format, string model, Duration? chunk, Duration? lookAhead) => new()
    {
        Format = format is null ? null : Shape(format),
        Model = model.Length == 0 ? null : model,
        Chunk = Span(chunk, TicksPerColumn, TicksPerColumn, ProtocolErrors.Chunk),
        LookAhead = Span(lookAhead, TicksPerFrame, 0, ProtocolErrors.LookAhead),
    };

    /// <summary>The stream's specification with everything that a StreamConfig can set.</summary>
    public static StreamSpec Spec(StreamConfig config)
    {
        if (config.LabelEvents.Count > MaxLabelRules)
        {
            throw ProtocolErrors.LabelRules(config.LabelEvents.Count, MaxLabelRules);
        }
        var labels = new Dictionary<string, SoundEventRule>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < config.LabelEvents.Count; i++)
        {
            labels[config.LabelEvents[i].Label] = Rule($"label_events[{i}].rule", config.LabelEvents[i].Rule ?? new EventRule());
        }
        return Spec(config.Format, config.Model, config.Chunk, config.LookAhead) with
        {
            SwitchModel = config.SwitchModel,
            Captured = CaptureTime(config.CaptureTime),
            Source = Source(config.Source),
            LatencyBudget = Span(
                config.LatencyBudget, 1, TicksPerColumn, ProtocolErrors.LatencyBudget, MaxLatencyBudgetSeconds),
            Events = Rule("events", config.Events),
            LabelEvents = labels.Count == 0 ? null : labels,
        };
    }

    /// <exception cref="RpcException">INVALID_ARGUMENT: a field breaks its rule.</exception>
    private static Contracts.SourceRule? Source(V1.SourceRule? rule)
    {
        if (rule is null)
        {
            return null;
        }
        var below = rule.HasSilentBelowDbfs ? rule.SilentBelowDbfs : Contracts.SourceRule.DefaultSilentBelowDbfs;
        var share = rule.HasClippedShare ? rule.ClippedShare : Contracts.SourceRule.DefaultClippedShare;
        if (below is not (>= -120 and <= 0))
        {
            throw ProtocolErrors.SilentBelow(below);
        }
        if (share is not (> 0 and <= 1))
        {
            throw ProtocolErrors.ClippedShare(share);
        }
        return new Contracts.SourceRule(
            SourceSpan("source.silent_after", rule.SilentAfter), below, SourceSpan("source.clipped_after", rule.ClippedAfter), share)
        {
            LostAfter = SourceSpan("source.lost_after", rule.LostAfter),
        };
    }

    private static TimeSpan? SourceSpan(string field, Duration? duration) => Span(
        duration, 1, TimeSpan.TicksPerSecond, seconds => ProtocolErrors.SourceSpan(field, seconds, MaxSourceSeconds), MaxSourceSeconds);

    /// <exception cref="RpcException">INVALID_ARGUMENT: not a time.</exception>
    public static DateTimeOffset? Time(string field, Timestamp? time)
    {
        try
        {
            return time?.ToDateTimeOffset();
        }
        catch (Exception broken) when (broken is InvalidOperationException or ArgumentOutOfRangeException)
        {
            throw ProtocolErrors.Time(field, time!.Seconds, time.Nanos);
        }
    }

    /// <summary>Of a stream, whose events must still have a time after a thousand years of audio.</summary>
    private static DateTimeOffset? CaptureTime(Timestamp? time) => Time("capture_time", time) switch
    {
        { Year: < FirstCaptureYear or > LastCaptureYear } odd => throw ProtocolErrors.CaptureTime(odd, FirstCaptureYear, LastCaptureYear),
        var captured => captured,
    };

    /// <summary>When the stream began, as a client that comes back says.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: not a time between 1970 and now.</exception>
    public static DateTimeOffset? Begun(StreamConfig config, DateTimeOffset now)
    {
        var begun = Time("begun", config.Begun);
        return begun is { } time && (time.Year < FirstCaptureYear || time > now + ClockDifference)
            ? throw ProtocolErrors.Begun(time, now)
            : begun;
    }

    /// <exception cref="RpcException">INVALID_ARGUMENT: a field breaks its rule.</exception>
    [return: NotNullIfNotNull(nameof(rule))]
    public static SoundEventRule? Rule(string field, EventRule? rule)
    {
        if (rule is null)
        {
            return null;
        }
        if (rule.HasOn && rule.On is not (>= 0 and <= 1))
        {
            throw ProtocolErrors.EventScore($"{field}.on", rule.On);
        }
        if (rule.HasOff && !(rule.Off >= 0 && rule.Off <= (rule.HasOn ? rule.On : 1)))
        {
            throw ProtocolErrors.EventScore($"{field}.off", rule.Off);
        }
        return new SoundEventRule(
            rule.HasOn ? rule.On : null,
            rule.HasOff ? rule.Off : null,
            EventSpan($"{field}.min_duration", rule.MinDuration, MaxRuleSeconds),
            EventSpan($"{field}.merge_gap", rule.MergeGap, MaxRuleSeconds));
    }

    /// <exception cref="RpcException">INVALID_ARGUMENT: negative, or longer than an hour.</exception>
    public static TimeSpan? EventDuration(string field, Duration? duration) => EventSpan(field, duration, MaxEventSeconds);

    private static AudioShape Shape(AudioFormat format)
    {
        if (format.Encoding is < Encoding.Pcm16 or > Encoding.MuLaw)
        {
            throw ProtocolErrors.Encoding((int)format.Encoding);
        }
        return new AudioShape((AudioEncoding)((int)format.Encoding - 1), format.SampleRateHz, format.Channels)
        {
            Channel = format.Channel, GainDb = format.GainDb, AutomaticGain = format.AutomaticGain,
        };
    }

    private static TimeSpan? EventSpan(string field, Duration? duration, double maxSeconds) =>
        Span(duration, 1, 0, seconds => ProtocolErrors.EventSpan(field, seconds, maxSeconds), maxSeconds);

    private static TimeSpan? Span(
        Duration? duration, long unitTicks, long minTicks, Func<double, RpcException> error, double maxSeconds = MaxSpanSeconds)
    {
        if (duration is null)
        {
            return null;
        }
        var seconds = duration.Seconds + duration.Nanos / 1e9;
        var ticks = seconds >= 0 && seconds <= maxSeconds ? duration.Seconds * TimeSpan.TicksPerSecond + duration.Nanos / 100 : -1;
        return ticks >= minTicks && ticks % unitTicks == 0 && duration.Nanos % 100 == 0 ? new TimeSpan(ticks) : throw error(seconds);
    }
}
