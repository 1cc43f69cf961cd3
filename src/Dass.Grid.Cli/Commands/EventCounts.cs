using System.Globalization;
using System.Text.Json;
using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands;

/// <summary>What events are counted by.</summary>
internal enum EventGrouping
{
    Hour,
    Day,
    Label,
    Stream,
    Model,
}

/// <summary>Counts of kept events in groups.</summary>
internal sealed class EventCounts(IReadOnlyList<EventGrouping> by)
{
    private readonly SortedDictionary<string, (string[] Group, long Events, double Seconds, float Peak)> _groups =
        new(StringComparer.Ordinal);

    public void Add(KeptEvent sound)
    {
        string[] group = [.. by.Select(each => Key(each, sound))];
        var key = string.Join('\0', group);
        var before = _groups.GetValueOrDefault(key);
        _groups[key] = (
            group, before.Events + 1, before.Seconds + sound.Event.OffsetSeconds - sound.Event.OnsetSeconds,
            Math.Max(before.Peak, sound.Event.PeakScore));
    }

    public void Write(OutputFormat format)
    {
        string[] names = [.. by.Select(each => each.ToString().ToLowerInvariant())];
        string[] columns = [.. names, "events", "seconds", "peak"];
        var rows = _groups.Values.Select(each => (
            each.Group, each.Events, Seconds: each.Seconds.ToString("0.00", CultureInfo.InvariantCulture), each.Peak));
        switch (format)
        {
            case OutputFormat.Json:
                foreach (var each in _groups.Values)
                {
                    var row = names.Zip(each.Group).ToDictionary(pair => pair.First, pair => (object)pair.Second);
                    (row["events"], row["seconds"], row["peak_score"]) = (each.Events, each.Seconds, each.Peak);
                    Console.Out.WriteLine(JsonSerializer.Serialize(row, Scores.Json));
                }
                break;
            case OutputFormat.Csv:
                Console.Out.WriteLine(string.Join(',', columns));
                foreach (var row in rows)
                {
                    Console.Out.WriteLine(FormattableString.Invariant(
                        $"{string.Join(',', row.Group.Select(Scores.Csv))},{row.Events},{row.Seconds},{row.Peak:R}"));
                }
                break;
            default:
                var table = Terminal.NewTable().AddColumns(columns);
                foreach (var row in rows)
                {
                    table.AddRow([.. row.Group.Select(Markup.Escape), $"{row.Events}", row.Seconds, Scores.Text(row.Peak)]);
                }
                AnsiConsole.Write(table);
                break;
        }
    }

    private static string Key(EventGrouping by, KeptEvent sound) => by switch
    {
        EventGrouping.Hour => sound.Onset.ToDateTime().ToString("yyyy-MM-dd HH:00'Z'", CultureInfo.InvariantCulture),
        EventGrouping.Day => sound.Onset.ToDateTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        EventGrouping.Label => sound.Event.Label,
        EventGrouping.Stream => sound.StreamId,
        _ => sound.Model,
    };
}
