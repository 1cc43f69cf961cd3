using Dass.Grid.Client;

namespace Dass.Grid.Cluster.Tests.Client;

/// <summary>
/// With any source and network, each sample that finds a place lies within 2 s of when it was heard. The source of these tests
/// numbers its samples, so that each can be found again.
/// </summary>
public class LiveClockLaws
{
    private const int Rate = 100; // low, so that days are quick
    private const int Frame = sizeof(int);
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Truth = TimeSpan.FromSeconds(2);

    [Theory]
    [InlineData(999)] // as 15,984 of 16,000
    [InlineData(1_001)]
    [InlineData(1_000)]
    public void A_source_of_another_rate_stays_true_for_a_day(int samples)
    {
        var source = new Source();
        for (var second = 0; second < 24 * 3600; second += 10)
        {
            source.Give(samples, TimeSpan.FromSeconds(10));
        }
        source.AssertTrue();
        Assert.Equal(samples < 10 * Rate ? 86 : 0, source.Clock.Missing / (double)Rate, 2.0);
        Assert.Equal(samples > 10 * Rate ? 86 : 0, source.Clock.LeftOut / (double)Rate, 2.0);
    }

    [Fact]
    public void A_source_that_is_mute_and_comes_back_is_true_at_once()
    {
        var source = new Source();
        source.Play(TimeSpan.FromSeconds(20));
        source.Mute(TimeSpan.FromMinutes(7));
        source.Play(TimeSpan.FromSeconds(20));
        source.Mute(TimeSpan.FromHours(9));
        source.Clock.Begin(); // came back after a night
        source.Play(TimeSpan.FromSeconds(20));
        source.AssertTrue();
        Assert.Equal((7 * 60) + (9 * 3600), source.Clock.Missing / (double)Rate, 2.0);
        Assert.InRange(source.Placed, 59 * Rate, 60 * Rate);
    }

    [Fact]
    public void A_network_that_stands_still_and_catches_up_loses_nothing()
    {
        var source = new Source();
        source.Play(TimeSpan.FromSeconds(20));
        for (var i = 0; i < 20; i++)
        {
            source.Hold(TimeSpan.FromSeconds(9), catchUp: 4);
            source.Play(TimeSpan.FromSeconds(20));
        }
        source.AssertTrue();
        Assert.Equal(0, source.Clock.Missing);
        Assert.Equal(0, source.Clock.LeftOut);
    }

    [Fact]
    public void Segments_that_come_at_once_are_true_from_the_second_on()
    {
        var source = new Source();
        source.Mute(TimeSpan.FromSeconds(18));
        source.Burst(TimeSpan.FromSeconds(18)); // what a playlist holds
        for (var i = 0; i < 100; i++)
        {
            source.Burst(TimeSpan.FromSeconds(6));
        }
        source.AssertTrue();
        Assert.Equal(0, source.Clock.Missing);
    }

    [Fact]
    public void A_clock_that_is_set_forward_is_followed_and_one_that_is_set_back_begins_anew()
    {
        var source = new Source();
        source.Play(TimeSpan.FromSeconds(20));
        source.SetClock(TimeSpan.FromHours(3));
        source.Play(TimeSpan.FromSeconds(20));
        source.SetClock(-TimeSpan.FromHours(5));
        source.Play(TimeSpan.FromSeconds(20));
        source.AssertTrue();
        Assert.Equal(1, source.LastEra);
    }

    [Fact]
    public void A_recording_is_read_no_faster_than_it_plays()
    {
        var clock = new LiveClock(Rate, Frame);
        var now = Start;
        var placed = 0L;
        for (var second = 0; second < 600; second++)
        {
            var wait = clock.Wait(now);
            now += wait;
            placed += clock.Tick(now).Sum(piece => piece.Data.Length / Frame);
            placed += clock.Take(new byte[Rate * Frame], now).Sum(piece => piece.Data.Length / Frame);
        }
        Assert.True(clock.IsPaced);
        Assert.Equal(0, clock.LeftOut);
        Assert.InRange((now - Start).TotalSeconds, 560, 601);
        Assert.InRange(placed, 560 * Rate, 600 * Rate);
    }

    [Fact]
    public void Any_life_of_a_source_is_true()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var random = new Random(seed);
            var source = new Source { Jitter = new Random(seed) };
            source.Play(TimeSpan.FromSeconds(5));
            for (var i = 0; i < 30; i++)
            {
                switch (random.Next(5))
                {
                    case 0:
                        source.Mute(TimeSpan.FromSeconds(random.Next(1, 5_000)));
                        break;
                    case 1:
                        source.Hold(TimeSpan.FromSeconds(random.Next(1, 20)), catchUp: random.Next(3, 50));
                        break;
                    case 2:
                        source.Mute(TimeSpan.FromSeconds(random.Next(1, 100)));
                        source.Clock.Begin();
                        break;
                    case 3:
                        source.Give(random.Next(99, 102) * 60, TimeSpan.FromMinutes(1));
                        break;
                }
                source.Play(TimeSpan.FromSeconds(random.Next(3, 60)));
            }
            source.AssertTrue($"seed {seed}");
        }
    }

    /// <summary>Numbers its samples, and knows when each was heard.</summary>
    private sealed class Source
    {
        private static readonly TimeSpan Piece = TimeSpan.FromMilliseconds(100);

        private readonly List<DateTimeOffset> _heard = []; // by sample
        private readonly Dictionary<int, DateTimeOffset> _epochs = [];
        private DateTimeOffset _now = Start;
        private TimeSpan _worstBy;
        private DateTimeOffset _worst;

        public LiveClock Clock { get; } = new(Rate, Frame);

        public Random? Jitter { get; init; }

        public long Placed { get; private set; }

        public int LastEra { get; private set; }

        public void Play(TimeSpan length) => Give((int)(length.TotalSeconds * Rate), length);

        /// <summary>So many samples, evenly over a time.</summary>
        public void Give(int samples, TimeSpan length)
        {
            var pieces = (int)(length / Piece);
            var given = 0;
            for (var i = 1; i <= pieces; i++)
            {
                var count = (int)((long)samples * i / pieces) - given;
                given += count;
                _now += Piece;
                Deliver(Number(count, _now - Piece, Piece), TimeSpan.FromMilliseconds(Jitter?.Next(300) ?? 0));
            }
        }

        public void Mute(TimeSpan length)
        {
            for (var end = _now + length; _now < end;)
            {
                _now += TimeSpan.FromSeconds(0.5);
                Keep(Clock.Tick(_now));
            }
        }

        /// <summary>The source goes on, and the network gives its audio later, several times as fast as it plays.</summary>
        public void Hold(TimeSpan length, int catchUp)
        {
            var waiting = new Queue<byte[]>();
            void Hear()
            {
                waiting.Enqueue(Number(Rate / 10, _now - Piece, Piece));
            }
            for (var end = _now + length; _now < end;)
            {
                _now += Piece;
                Hear();
                Keep(Clock.Tick(_now));
            }
            while (waiting.Count > 0)
            {
                _now += Piece;
                Hear();
                for (var i = 0; i < catchUp && waiting.TryDequeue(out var late); i++)
                {
                    Deliver(late, TimeSpan.Zero);
                }
            }
        }

        /// <summary>The last seconds, all at once.</summary>
        public void Burst(TimeSpan length)
        {
            var begin = _now;
            Mute(length);
            var from = _heard.Count == 0 ? _now - length : begin;
            for (var at = from; at < _now; at += Piece)
            {
                Deliver(Number(Rate / 10, at, Piece), TimeSpan.Zero);
            }
        }

        public void SetClock(TimeSpan by) => _now += by;

        public void AssertTrue(string what = "") =>
            Assert.True(_worstBy <= Truth, $"{what}: off by {_worstBy}, at {_worst}");

        private byte[] Number(int count, DateTimeOffset from, TimeSpan length)
        {
            var data = new byte[count * Frame];
            for (var i = 0; i < count; i++)
            {
                BitConverter.TryWriteBytes(data.AsSpan(i * Frame), _heard.Count);
                _heard.Add(from + length * i / count);
            }
            return data;
        }

        private void Deliver(byte[] data, TimeSpan later)
        {
            if (data.Length > 0)
            {
                Keep(Clock.Take(data, _now + later));
            }
        }

        private void Keep(IReadOnlyList<LivePiece> pieces)
        {
            foreach (var piece in pieces)
            {
                if (!_epochs.TryGetValue(piece.Era, out var epoch))
                {
                    _epochs[piece.Era] = epoch = Clock.Epoch!.Value;
                }
                (LastEra, Placed) = (piece.Era, Placed + piece.Data.Length / Frame);
                var heard = _heard[BitConverter.ToInt32(piece.Data.Span)];
                var place = epoch + TimeSpan.FromSeconds((double)piece.Position / Rate);
                if ((place - heard).Duration() > _worstBy)
                {
                    _worstBy = (place - heard).Duration();
                    _worst = heard;
                }
            }
        }
    }
}
