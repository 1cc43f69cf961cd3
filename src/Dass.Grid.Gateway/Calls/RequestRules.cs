using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Gateway;

/// <summary>From the fields of requests to the grains' terms. Rules of audio formats are the engine's and are checked there.</summary>
internal static class RequestRules
{
    private const long TicksPerColumn = 320 * TimeSpan.TicksPerMillisecond;
    private const long TicksPerFrame = 10 * TimeSpan.TicksPerMillisecond;
    private const double MaxSpanSeconds = 10.24;

    public static StreamSpec Spec(AudioFormat? format, string model, Duration? chunk, Duration? lookAhead) => new()
    {
        Format = format is null ? null : Shape(format),
        Model = model.Length == 0 ? null : model,
        Chunk = Span(chunk, TicksPerColumn, TicksPerColumn, ProtocolErrors.Chunk),
        LookAhead = Span(lookAhead, TicksPerFrame, 0, ProtocolErrors.LookAhead),
    };

    public static AudioFormat Format(AudioShape shape) => new()
    {
        Encoding = (Encoding)((int)shape.Encoding + 1),
        SampleRateHz = shape.SampleRateHz,
        Channels = shape.Channels,
    };

    private static AudioShape Shape(AudioFormat format)
    {
        if (format.Encoding is < Encoding.Pcm16 or > Encoding.MuLaw)
        {
            throw ProtocolErrors.Encoding((int)format.Encoding);
        }
        return new AudioShape((AudioEncoding)((int)format.Encoding - 1), format.SampleRateHz, format.Channels);
    }

    private static TimeSpan? Span(Duration? duration, long unitTicks, long minTicks, Func<double, RpcException> error)
    {
        if (duration is null)
        {
            return null;
        }
        var seconds = duration.Seconds + duration.Nanos / 1e9;
        var ticks = seconds is >= 0 and <= MaxSpanSeconds ? duration.Seconds * TimeSpan.TicksPerSecond + duration.Nanos / 100 : -1;
        return ticks >= minTicks && ticks % unitTicks == 0 && duration.Nanos % 100 == 0 ? new TimeSpan(ticks) : throw error(seconds);
    }
}
