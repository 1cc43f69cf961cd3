using System.Runtime.InteropServices;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Evaluation.Plots;
using SkiaSharp;

namespace Dass.Grid.Engine.Tests.Evaluation;

/// <summary>Pictures of audio, looked at pixel by pixel.</summary>
public sealed class SoundPictureTests : IDisposable
{
    private static readonly AudioFormat Format = new(SampleEncoding.Float32, 16_000, 1);

    private readonly string _file = Path.Combine(Path.GetTempPath(), $"dass-{Guid.NewGuid():N}.png");

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void A_tone_is_a_bright_line_at_its_height_and_time()
    {
        // One second of 500 Hz, one of 4 kHz.
        using var picture = Draw(2, at => Math.Sin(2 * Math.PI * (at < 1 ? 500 : 4_000) * at));
        var (low, high) = (BrightestRow(picture, picture.Width / 4), BrightestRow(picture, picture.Width * 5 / 8));
        Assert.InRange(low - high, 200, 400); // of 420 pixels
    }

    [Fact]
    public void Events_lie_below_it_in_a_lane_for_each_label()
    {
        using var plain = Draw(2, _ => 0.1);
        using var one = Draw(2, _ => 0.1, new PlottedEvent("Dog", 0, 2));
        using var two = Draw(2, _ => 0.1, new PlottedEvent("Dog", 0, 1), new PlottedEvent("Dog", 1.5, 2), new PlottedEvent("Rain", 0, 2));
        Assert.Equal([plain.Height + 26, plain.Height + 52], [one.Height, two.Height]);
    }

    [Fact]
    public void Long_audio_takes_no_more_room_than_short()
    {
        using var minute = Draw(60, at => Math.Sin(2 * Math.PI * 500 * at));
        using var longer = Draw(600, at => Math.Sin(2 * Math.PI * 500 * at));
        Assert.Equal((minute.Width, minute.Height), (longer.Width, longer.Height));
        Assert.InRange(BrightestRow(longer, longer.Width / 2) - BrightestRow(minute, longer.Width / 2), -2, 2);
    }

    [Fact]
    public void Nothing_can_be_drawn_too()
    {
        using var nothing = Draw(0, _ => 0);
        Assert.True(nothing.Height > 0);
    }

    private SKBitmap Draw(int seconds, Func<double, double> sound, params PlottedEvent[] events)
    {
        var picture = new SoundPicture(Format);
        for (var second = 0; second < seconds; second++)
        {
            float[] samples = [.. Enumerable.Range(0, 16_000).Select(i => (float)(0.5 * sound(second + i / 16_000.0)))];
            picture.Add(MemoryMarshal.AsBytes(samples.AsSpan()));
        }
        picture.Save(_file, "a title", events);
        return SKBitmap.Decode(_file);
    }

    /// <summary>Within the spectrogram.</summary>
    private static int BrightestRow(SKBitmap picture, int column) => Enumerable.Range(45, 400).MaxBy(row =>
    {
        var pixel = picture.GetPixel(column, row);
        return pixel.Red + pixel.Green;
    });
}
