using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Evaluation.Data;

namespace Dass.Grid.Evaluation.Events;

/// <summary>The events of one file as a stream has them that asks for nothing: of all labels that open events.</summary>
internal sealed class OfferedEvents
{
    private readonly LabelSet _labels;
    private readonly SoundEventTracker[] _trackers; // by threshold
    private readonly List<EventChange>[] _changes; // by threshold

    /// <param name="labels">Of the model.</param>
    /// <param name="thresholds">Chunk scores that a sound must reach, 0 to 1.</param>
    public OfferedEvents(LabelSet labels, IReadOnlyList<float> thresholds)
    {
        _labels = labels;
        _trackers =
        [
            .. thresholds.Select(at => new SoundEventTracker(new EventRules(new EventRule { On = at }, muted: labels.Muted), labels.Count)),
        ];
        _changes = [.. thresholds.Select(_ => new List<EventChange>())];
    }

    public void Add(ChunkScores chunk)
    {
        foreach (var (tracker, changes) in _trackers.Zip(_changes))
        {
            tracker.Add(chunk, changes);
            changes.RemoveAll(change => change.Kind != EventChangeKind.Closed);
        }
    }

    /// <summary>Ends the file.</summary>
    /// <param name="file">What sounds in it. A label without times sounds in all of it.</param>
    /// <param name="seconds">Its length.</param>
    /// <returns>Events that meet nothing of it, by threshold.</returns>
    public int[] Unmet(EvaluationFile file, double seconds)
    {
        var timed = file.Events.Select(sound => sound.Label).ToHashSet();
        SoundEvent[] truth = [.. file.Events, .. file.Labels.Except(timed).Select(label => new SoundEvent(0, label, 0, seconds))];
        return
        [
            .. _trackers.Zip(_changes, (tracker, changes) =>
            {
                tracker.Complete(seconds, changes);
                return changes.Count(change => change.Kind == EventChangeKind.Closed && !truth.Any(sound => Meets(change, sound)));
            }),
        ];
    }

    private bool Meets(EventChange change, SoundEvent sound) =>
        change.OnsetSeconds < sound.Offset && change.OffsetSeconds > sound.Onset
        && (change.Label == sound.Label || _labels.Ancestors(change.Label).Contains(sound.Label)
            || _labels.Ancestors(sound.Label).Contains(change.Label));
}
