using Dass.Grid.Engine;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Grains.Sessions;

/// <summary>
/// Events of a stream's source: silent or clipped for too long. A function of the chunks' levels, by the tracker that makes events of
/// scores: a level that breaks the rule scores 1. A chunk without a level says that it was lost, and ends both.
/// </summary>
internal sealed class SourceEvents
{
    private static readonly TimeSpan Merge = TimeSpan.FromSeconds(1);

    private readonly SourceRule _rule;
    private readonly SoundEventTracker _tracker;
    private readonly List<EventChange> _changes = [];

    /// <exception cref="ArgumentException">A field of the rule is out of its range.</exception>
    public SourceEvents(SourceRule rule)
    {
        _rule = rule;
        var byLabel = new Dictionary<int, EventRule>();
        foreach (var (label, after) in new[] { rule.SilentAfter, rule.ClippedAfter }.Index())
        {
            if (after is { } least)
            {
                byLabel[label] = new EventRule { MinDuration = least, MergeGap = Merge };
            }
        }
        // A label with a rule of its own is not muted.
        _tracker = new SoundEventTracker(new EventRules(new EventRule(), byLabel, muted: [0, 1]), labelCount: 2);
    }

    /// <summary>What a chunk changes. Chunks come once, in order.</summary>
    public void Add(ChunkScores chunk, List<SoundEvent> to)
    {
        var silent = chunk.Level is { } quiet && quiet.RmsDbfs < _rule.SilentBelowDbfs;
        var clipped = chunk.Level is { } loud && loud.ClippedShare >= _rule.ClippedShare;
        _tracker.Add(chunk with { Scores = [silent ? 1 : 0, clipped ? 1 : 0] }, _changes);
        Take(to);
    }

    public void Break(List<SoundEvent> to)
    {
        _tracker.Break(_changes);
        Take(to);
    }

    public void Complete(double endSeconds, List<SoundEvent> to)
    {
        _tracker.Complete(endSeconds, _changes);
        Take(to);
    }

    public void Save(SnapshotWriter to)
    {
        to.Write(_rule.SilentAfter?.Ticks ?? 0);
        to.Write(_rule.SilentBelowDbfs);
        to.Write(_rule.ClippedAfter?.Ticks ?? 0);
        to.Write(_rule.ClippedShare);
        _tracker.Save(to);
    }

    /// <exception cref="SnapshotException">Damaged.</exception>
    /// <exception cref="ArgumentException">A field of the rule is out of its range.</exception>
    public static SourceEvents Restore(ref SnapshotReader from)
    {
        var silentAfter = from.Read<long>("silent after");
        var silentBelow = from.Read<float>("silent below");
        var clippedAfter = from.Read<long>("clipped after");
        var events = new SourceEvents(new SourceRule(
            silentAfter == 0 ? null : new TimeSpan(silentAfter), silentBelow,
            clippedAfter == 0 ? null : new TimeSpan(clippedAfter), from.Read<float>("clipped share")));
        events._tracker.Restore(ref from);
        return events;
    }

    private void Take(List<SoundEvent> to)
    {
        to.AddRange(_changes.Select(change => StreamEvents.From(change with { Label = SourceLabels.First + change.Label })));
        _changes.Clear();
    }
}
