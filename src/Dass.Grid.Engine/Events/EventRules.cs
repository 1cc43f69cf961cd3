using System.Collections.Frozen;

namespace Dass.Grid.Engine.Events;

/// <summary>The rules of a stream: one for all labels, and exceptions.</summary>
public sealed class EventRules
{
    private readonly FrozenDictionary<int, EventRule> _byLabel;

    /// <param name="rule">For every label that has none of its own.</param>
    /// <param name="byLabel">A label's own rule, by label index; null: there is none.</param>
    /// <param name="updateEvery">See <see cref="UpdateEvery"/>; null: its default.</param>
    /// <exception cref="ArgumentException">A rule is broken; the message lists every one with field, value and rule.</exception>
    public EventRules(EventRule rule, IReadOnlyDictionary<int, EventRule>? byLabel = null, TimeSpan? updateEvery = null)
    {
        (Default, _byLabel) = (rule, (byLabel ?? FrozenDictionary<int, EventRule>.Empty).ToFrozenDictionary());
        UpdateEvery = updateEvery ?? UpdateEvery;
        var validation = new OptionRules();
        Default.AddTo(validation, nameof(Default));
        foreach (var (label, own) in Overrides)
        {
            validation.Rule(label >= 0, "Label", label, "it must be at least 0");
            own.AddTo(validation, $"Label {label}");
        }
        validation.InRange(nameof(UpdateEvery), UpdateEvery, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        validation.ThrowIfBroken();
    }

    /// <summary>The rule of every label that has none of its own.</summary>
    public EventRule Default { get; }

    /// <summary>Stream time between two changes of an event that lasts, 1 s to 1 h. Default: 10 s.</summary>
    public TimeSpan UpdateEvery { get; } = TimeSpan.FromSeconds(10);

    /// <summary>The rule of a label.</summary>
    public EventRule this[int label] => _byLabel.Count > 0 && _byLabel.TryGetValue(label, out var own) ? own : Default;

    internal IEnumerable<KeyValuePair<int, EventRule>> Overrides => _byLabel.OrderBy(pair => pair.Key);

    internal void Save(SnapshotWriter to)
    {
        to.Write(UpdateEvery.Ticks);
        Save(Default, to);
        to.Write(_byLabel.Count);
        foreach (var (label, own) in Overrides)
        {
            to.Write(label);
            Save(own, to);
        }
    }

    /// <exception cref="SnapshotException">The snapshot was made by other rules, or is damaged.</exception>
    internal void Check(ref SnapshotReader from)
    {
        var same = from.Read<long>("UpdateEvery") == UpdateEvery.Ticks;
        same &= Equal(Default, ref from);
        same &= from.Read<int>("event rules of labels") == _byLabel.Count;
        foreach (var (label, own) in same ? Overrides : [])
        {
            same &= from.Read<int>("label of an event rule") == label & Equal(own, ref from);
        }
        if (!same)
        {
            throw new SnapshotException("The stream's events were saved under other rules; they cannot go on under these.");
        }
    }

    private static void Save(EventRule rule, SnapshotWriter to)
    {
        to.Write(rule.On);
        to.Write(rule.Off);
        to.Write(rule.MinDuration.Ticks);
        to.Write(rule.MergeGap.Ticks);
    }

    private static bool Equal(EventRule rule, ref SnapshotReader from) =>
        from.Read<float>("On") == rule.On
        & from.Read<float>("Off") == rule.Off
        & from.Read<long>("MinDuration") == rule.MinDuration.Ticks
        & from.Read<long>("MergeGap") == rule.MergeGap.Ticks;
}
