using System.Buffers.Binary;
using System.Globalization;

namespace Dass.Grid.Soak.Feed;

/// <summary>
/// A radio that dies, hangs, changes its rate, stops and comes back. What it plays is a function of the time of day: five seconds of speech
/// in every forty, else next to nothing; so events tell how true the times are.
/// </summary>
internal sealed class WildSource
{
    public const int Rate = 16_000;

    public static readonly TimeSpan Period = TimeSpan.FromSeconds(40);

    public const double SpeechSeconds = 5;

    private const int PieceMilliseconds = 100;

    private readonly Random _random;
    private readonly short[] _speech;
    private readonly double _offset; // of the speech in each period, s
    private readonly List<(DateTimeOffset From, DateTimeOffset To)> _played = []; // without a break; its own lock
    private DateTimeOffset _refusesUntil;
    private DateTimeOffset? _waitsSince; // could be heard, and is not

    public WildSource(int number, short[] speech)
    {
        (_random, _speech) = (new Random(number), speech);
        _offset = _random.NextDouble() * Period.TotalSeconds;
        Id = string.Create(CultureInfo.InvariantCulture, $"wild-{number:D2}");
    }

    public string Id { get; }

    public int Connections { get; private set; }

    public int Deaths { get; private set; }

    public int Hangs { get; private set; }

    /// <summary>The longest time in which it could be heard and was not asked.</summary>
    public TimeSpan LongestDeaf { get; private set; }

    public DateTimeOffset LongestDeafAt { get; private set; }

    /// <summary>Answers one listener until the source dies.</summary>
    public async Task PlayAsync(HttpContext http)
    {
        var now = DateTimeOffset.UtcNow;
        if (now < _refusesUntil)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }
        NoteHeard(now > _refusesUntil && _refusesUntil > (_waitsSince ?? default) ? _refusesUntil : _waitsSince, now);
        Connections++;
        http.Response.ContentType = "audio/wav";
        await http.Response.Body.WriteAsync(Header(), http.RequestAborted);
        try
        {
            while (await PlayAWhileAsync(http))
            {
            }
        }
        finally
        {
            _waitsSince = DateTimeOffset.UtcNow;
        }
    }

    /// <summary>When the speech began that lies nearest to a time, if the source was heard around it. Null: it was not.</summary>
    public DateTimeOffset? SpeechNear(DateTimeOffset time)
    {
        var seconds = time.ToUnixTimeMilliseconds() / 1000.0 - _offset;
        var begin = DateTimeOffset.UnixEpoch.AddSeconds(Math.Round(seconds / Period.TotalSeconds) * Period.TotalSeconds + _offset);
        lock (_played)
        {
            return _played.Exists(span => span.From < begin.AddSeconds(-4) && span.To > begin.AddSeconds(SpeechSeconds)) ? begin : null;
        }
    }

    private void NoteHeard(DateTimeOffset? since, DateTimeOffset now)
    {
        if (since is { } waits && now - waits > LongestDeaf)
        {
            (LongestDeaf, LongestDeafAt) = (now - waits, now);
        }
        _waitsSince = null;
    }

    /// <returns>False: the connection is to end.</returns>
    private async Task<bool> PlayAWhileAsync(HttpContext http)
    {
        var rate = Rate + _random.Next(3) switch { 0 => -10, 1 => 10, _ => 0 };
        var begin = DateTimeOffset.UtcNow;
        var length = TimeSpan.FromSeconds(_random.Next(20, 120));
        var samples = 0L;
        for (var place = Open(begin); DateTimeOffset.UtcNow - begin < length;)
        {
            var due = (long)((DateTimeOffset.UtcNow - begin).TotalSeconds * rate);
            await http.Response.Body.WriteAsync(Audio(begin, samples, (int)(due - samples), rate), http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            samples = due;
            Extend(place);
            await Task.Delay(PieceMilliseconds, http.RequestAborted);
        }
        switch (_random.Next(5))
        {
            case 0: // dies, and is there again at once
                Deaths++;
                return false;
            case 1: // stops for a while
                Deaths++;
                _refusesUntil = DateTimeOffset.UtcNow.AddSeconds(_random.Next(5, 90));
                return false;
            case 2: // hangs, perhaps for longer than its listener waits
                Hangs++;
                await Task.Delay(TimeSpan.FromSeconds(_random.Next(3, 60)), http.RequestAborted);
                return true;
            default: // another rate
                return true;
        }
    }

    private int Open(DateTimeOffset begin)
    {
        lock (_played)
        {
            _played.Add((begin, begin));
            return _played.Count - 1;
        }
    }

    private void Extend(int place)
    {
        lock (_played)
        {
            _played[place] = _played[place] with { To = DateTimeOffset.UtcNow };
        }
    }

    private byte[] Audio(DateTimeOffset begin, long from, int count, int rate)
    {
        var bytes = new byte[sizeof(short) * Math.Max(0, count)];
        var first = begin.ToUnixTimeMilliseconds() / 1000.0 - _offset;
        for (var i = 0; i < count; i++)
        {
            var phase = (first + (double)(from + i) / rate) % Period.TotalSeconds;
            var sample = phase < SpeechSeconds ? _speech[(int)(phase * Rate)] : (short)_random.Next(-3, 4);
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(sizeof(short) * i), sample);
        }
        return bytes;
    }

    private static byte[] Header()
    {
        var header = new byte[44];
        "RIFF"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), uint.MaxValue);
        "WAVEfmt "u8.CopyTo(header.AsSpan(8));
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), 16);
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(20), 1);
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(22), 1);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(24), Rate);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(28), Rate * sizeof(short));
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(32), sizeof(short));
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(34), 16);
        "data"u8.CopyTo(header.AsSpan(36));
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(40), uint.MaxValue);
        return header;
    }
}
