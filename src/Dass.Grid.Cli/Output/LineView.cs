using System.Globalization;
using Dass.Grid.V1;

namespace Dass.Grid.Cli.Output;

/// <summary>One plain line per chunk.</summary>
/// <param name="stream">Begins each line; null: there is only one stream.</param>
internal sealed class LineView(string? stream = null) : IStreamView
{
    /// <summary>Share of the samples from which a person is told.</summary>
    private const float MuchClipped = 0.01f;

    private readonly string _begin = stream is null ? "" : stream + "  ";

    public void OnReady(Ready ready) => Console.Out.WriteLine($"stream {ready.StreamId}, model {ready.Model.Name}");

    public void OnTags(Tags tags) =>
        Console.Out.WriteLine(
            $"{_begin}{Seconds(tags.StartSeconds),8} - {Seconds(tags.EndSeconds),8}  {List(tags.WindowScores)}{Changes(tags)}");

    public void OnEvents(IReadOnlyCollection<Event> events)
    {
        foreach (var sound in events)
        {
            Console.Out.WriteLine(
                _begin + (sound.Kind == EventKind.Opened ? $"  > {Begun(sound)}" : $"  until the end: {Span(sound)}"));
        }
    }

    public void OnDropped(long chunks) => Console.Out.WriteLine($"{_begin}{chunks} chunks were dropped");

    public void OnSummary(Summary summary)
    {
        Console.Out.WriteLine($"{_begin}heard {Seconds(summary.DurationSeconds)} in {summary.Chunks} chunks");
        Console.Out.WriteLine($"{_begin}  highest: {List(summary.Max)}");
        Console.Out.WriteLine($"{_begin}  mean:    {List(summary.Mean)}");
    }

    public static string Seconds(double seconds) => seconds.ToString("0.00", CultureInfo.InvariantCulture) + "s";

    /// <summary>What of a chunk was lost or clipped, what has begun and what is over with it.</summary>
    public static string Changes(Tags tags)
    {
        var lost = tags.LostSeconds > 0 ? $"  ({Seconds(tags.LostSeconds)} lost)" : "";
        var clipped = tags.Level?.ClippedShare >= MuchClipped ? "  (clipped)" : "";
        return lost + clipped + Changes(tags.Events);
    }

    /// <summary>What has begun and what is over.</summary>
    public static string Changes(IEnumerable<Event> events) => string.Concat(events.Select(sound => sound.Kind switch
    {
        EventKind.Opened => $"  > {Begun(sound)}",
        EventKind.Closed => $"  < {Span(sound)}",
        _ => "",
    }));

    private static string Begun(Event sound) => $"{sound.Label} from {Seconds(sound.OnsetSeconds)}";

    private static string Span(Event sound) => $"{sound.Label} {Seconds(sound.OnsetSeconds)} - {Seconds(sound.OffsetSeconds)}";

    public static string List(IEnumerable<LabelScore> scores) =>
        string.Join("  ", scores.Select(score => $"{score.Name} {Scores.Text(score.Score)}"));
}
