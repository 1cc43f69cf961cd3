using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Sources;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Cli;

public sealed class TimesTests
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 1, 12, 30, 0, TimeSpan.Zero));

    [Theory]
    [InlineData("-1h", "2026-03-01T11:30Z")]
    [InlineData("-2d", "2026-02-27T12:30Z")]
    [InlineData("now", "2026-03-01T12:30Z")]
    [InlineData("today", "2026-03-01T00:00Z")]
    [InlineData("yesterday", "2026-02-28T00:00Z")]
    [InlineData("21:00", "2026-03-01T21:00Z")]
    [InlineData("2026-01-02", "2026-01-02T00:00Z")]
    [InlineData("2026-01-02T03:04", "2026-01-02T03:04Z")]
    [InlineData("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z")]
    public void Times_are_read_as_people_write_them(string text, string time)
    {
        Assert.True(Times.TryParse(text, _clock, out var read));
        Assert.Equal(DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture), read);
    }

    [Theory]
    [InlineData("01.03.2026")]
    [InlineData("01/03/2026")]
    [InlineData("-1")]
    [InlineData("soon")]
    [InlineData("2026-13-01")]
    public void What_may_mean_two_times_is_none(string text) => Assert.False(Times.TryParse(text, _clock, out _));

    [Theory]
    [InlineData("yyyyMMdd_HHmmss", "A1_20260301_213000.wav", "2026-03-01T21:30Z")]
    [InlineData("yyyy-MM-dd*HH-mm-sszzz", "x 2026-03-01 at 21-30-00+01:00.flac", "2026-03-01T20:30Z")]
    [InlineData("2026-03-01T12:00Z", "any.wav", "2026-03-01T12:00Z")]
    public void A_recording_is_booked_by_its_name_or_a_time(string pattern, string file, string time) =>
        Assert.Equal(
            DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture),
            CaptureTime.Parse(pattern, _clock)!.Of(file, length: null));

    [Fact]
    public void A_name_without_the_time_is_refused_and_mtime_is_the_end()
    {
        Assert.Null(CaptureTime.Parse("mtine", _clock));
        Assert.Throws<FormatException>(() => CaptureTime.Parse("yyyyMMdd_HHmmss", _clock)!.Of("20261301_000000.wav", length: null));
        var file = Path.GetTempFileName();
        File.SetLastWriteTimeUtc(file, new DateTime(2026, 3, 1, 21, 0, 0, DateTimeKind.Utc));
        var begin = CaptureTime.Parse("mtime", _clock)!.Of(file, TimeSpan.FromMinutes(10));
        File.Delete(file);
        Assert.Equal(new DateTimeOffset(2026, 3, 1, 20, 50, 0, TimeSpan.Zero), begin);
    }
}
