using System.Collections;
using System.Collections.Frozen;

namespace Dass.Grid.Engine.Events;

/// <summary>The rules of a stream: one for all labels, exceptions, and labels whose sounds are no events.</summary>
public sealed class EventRules
{
    /// <summary>No model has more labels.</summary>
    private const int MaxMuted = 100_000;

    private readonly FrozenDictionary<int, EventRule> _byLabel;
    private readonly BitArray? _muted; // null: none is

    /// <param name="rule">For every label that has none of its own.</param>
    /// <param name="byLabel">A label's own rule, by label index; null: there is none.</param>
    /// <param name="updateEvery">See <see cref="UpdateEvery"/>; null: its default.</param>
    /// <param name="muted">Indices of labels whose sounds are no events, unless they have a rule of their own; null: none.</param>
    /// <exception cref="ArgumentException">A rule is broken; the message lists every one with field, value and rule.</exception>
    public EventRules(
        EventRule rule, IReadOnlyDictionary<int, EventRule>? byLabel = null, TimeSpan? updateEvery = null,
        IReadOnlyCollection<int>? muted = null)
    {
        (Default, _byLabel) = (rule, (byLabel ?? FrozenDictionary<int, EventRule>.Empty).ToFrozenDictionary());
        UpdateEvery = updateEvery ?? UpdateEvery;
        var validation = new OptionRules();
        foreach (var label in muted ?? [])
        {
            validation.Rule(label is >= 0 and < MaxMuted, "Muted label", label, $"it must be 0 to {MaxMuted - 1}");
        }
        Default.AddTo(validation, nameof(Default));
        foreach (var (label, own) in Overrides)
        {
            validation.Rule(label >= 0, "Label", label, "it must be at least 0");
            own.AddTo(validation, $"Label {label}");
        }
        validation.InRange(nameof(UpdateEvery), UpdateEvery, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        validation.ThrowIfBroken();
        int[] silent = [.. (muted ?? []).Where(label => !_byLabel.ContainsKey(label))];
        if (silent.Length > 0)
        {
            _muted = new BitArray(silent.Max() + 1);
            Array.ForEach(silent, label => _muted[label] = true);
        }
    }

    /// <summary>The rule of every label that has none of its own.</summary>
    public EventRule Default { get; }

    /// <summary>Stream time between two changes of an event that lasts, 1 s to 1 h. Default: 10 s.</summary>
    public TimeSpan UpdateEvery { get; } = TimeSpan.FromSeconds(10);

    /// <summary>The rule of a label.</summary>
    public EventRule this[int label] => _byLabel.Count > 0 && _byLabel.TryGetValue(label, out var own) ? own : Default;

    /// <summary>Whether a label's sounds are no events.</summary>
    public bool IsMuted(int label) => _muted is not null && label < _muted.Length && _muted[label];

    /// <summary>Indices of the labels whose sounds are no events, ascending.</summary>
    public IEnumerable<int> Muted => Enumerable.Range(0, _muted?.Length ?? 0).Where(IsMuted);

    internal IEnumerable<KeyValuePair<int, EventRule>> Overrides => _byLabel.OrderBy(pair => pair.Key);

    internal void Save(SnapshotWriter to)
    {
        to.Write(UpdateEvery.Ticks);
        Save(Default, to);
        // The complement: a list of muted labels follows. Without one the bytes are those of the time before there were any.
        to.Write(_muted is null ? _byLabel.Count : ~_byLabel.Count);
        foreach (var (label, own) in Overrides)
        {
            to.Write(label);
            Save(own, to);
        }
        if (_muted is not null)
        {
            to.WriteAll<int>([.. Muted]);
        }
    }

    /// <exception cref="SnapshotException">The snapshot was made by other rules, or is damaged.</exception>
    internal void Check(ref SnapshotReader from)
    {
        var same = from.Read<long>("UpdateEvery") == UpdateEvery.Ticks;
        same &= Equal(Default, ref from);
        same &= from.Read<int>("event rules of labels") == (_muted is null ? _byLabel.Count : ~_byLabel.Count);
        foreach (var (label, own) in same ? Overrides : [])
        {
            same &= from.Read<int>("label of an event rule") == label & Equal(own, ref from);
        }
        if (!same || (_muted is not null && !from.ReadAll<int>("muted labels").SequenceEqual(Muted)))
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
