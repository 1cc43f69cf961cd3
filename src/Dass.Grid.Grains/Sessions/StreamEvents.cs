using System.Buffers;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Grains.Sessions;

/// <summary>The events of one stream, by rules that it keeps for life. Not thread-safe.</summary>
internal sealed class StreamEvents
{
    private readonly EventRule _rule;
    private readonly Dictionary<int, EventRule> _byLabel;
    private readonly int[] _muted;
    private readonly SoundEventTracker _tracker;
    private readonly SourceEvents? _source; // null: the client has not asked for any
    private readonly List<EventChange> _changes = [];
    private readonly List<SoundEvent> _events = [];

    private StreamEvents(
        EventRule rule, Dictionary<int, EventRule> byLabel, int[] muted, int labelCount, SourceEvents? source)
        : this(rule, byLabel, muted, new SoundEventTracker(new EventRules(rule, byLabel, muted: muted), labelCount), source)
    {
    }

    private StreamEvents(
        EventRule rule, Dictionary<int, EventRule> byLabel, int[] muted, SoundEventTracker tracker, SourceEvents? source) =>
        (_rule, _byLabel, _muted, _tracker, _source) = (rule, byLabel, muted, tracker, source);

    /// <summary>When a sound is an event: of labels without a rule of their own, and of those with one, by index.</summary>
    public StreamRules Rules => new(Wire(_rule), _byLabel.ToDictionary(own => own.Key, own => Wire(own.Value)));

    /// <returns>Why there can be none, or null with the events.</returns>
    /// <param name="spec">What the client asks for.</param>
    /// <param name="defaults">What holds where it asks for nothing.</param>
    /// <param name="labels">Of the model.</param>
    /// <param name="events">Of the stream.</param>
    public static Refusal? Create(StreamSpec spec, EventRule defaults, LabelName[] labels, out StreamEvents events)
    {
        events = null!;
        var rule = Merge(spec.Events, defaults);
        var byLabel = new Dictionary<int, EventRule>();
        foreach (var (label, own) in spec.LabelEvents ?? [])
        {
            var index = Array.FindIndex(labels, each => each.IsCalled(label));
            if (index < 0)
            {
                var name = label.Length <= 64 ? label : label[..64] + "…";
                return new Refusal(RefusalCode.InvalidRequest, $"label_events: the model has no label '{name}'; ListLabels names them.");
            }
            byLabel[index] = Merge(own, rule);
        }
        try
        {
            var source = spec.Source is { } given ? new SourceEvents(given) : null;
            events = new StreamEvents(rule, byLabel, Muted(labels), labels.Length, source);
            return null;
        }
        catch (ArgumentException broken)
        {
            return new Refusal(RefusalCode.InvalidRequest, $"events: {broken.Message}");
        }
    }

    /// <summary>The same rules for another model: those of labels that it has; what it mutes is its own matter.</summary>
    public StreamEvents For(LabelName[] before, LabelName[] labels)
    {
        var byLabel = new Dictionary<int, EventRule>();
        foreach (var (index, own) in _byLabel)
        {
            if (Array.FindIndex(labels, label => label.Id == before[index].Id) is >= 0 and var known)
            {
                byLabel[known] = own;
            }
        }
        return new StreamEvents(_rule, byLabel, Muted(labels), labels.Length, _source);
    }

    private static SoundEventRule Wire(EventRule rule) => new(rule.On, rule.Off, rule.MinDuration, rule.MergeGap);

    /// <summary>What a chunk changes. Chunks come once, in order.</summary>
    public SoundEvent[] Add(ChunkScores chunk)
    {
        _tracker.Add(chunk, _changes);
        _source?.Add(chunk, _events);
        return Take();
    }

    /// <summary>Closes what is under way, where the last chunk ended.</summary>
    public SoundEvent[] Break()
    {
        _tracker.Break(_changes);
        _source?.Break(_events);
        return Take();
    }

    /// <summary>Closes what is under way, at the end of the stream.</summary>
    public SoundEvent[] Complete(double endSeconds)
    {
        _tracker.Complete(endSeconds, _changes);
        _source?.Complete(endSeconds, _events);
        return Take();
    }

    public void Save(IBufferWriter<byte> bytes)
    {
        var to = new SnapshotWriter(bytes);
        Write(to, _rule);
        // The complement: a list of muted labels follows. Checkpoints of before there were any have none.
        to.Write(_muted.Length == 0 ? _byLabel.Count : ~_byLabel.Count);
        foreach (var (label, own) in _byLabel)
        {
            to.Write(label);
            Write(to, own);
        }
        if (_muted.Length > 0)
        {
            to.WriteAll<int>(_muted);
        }
        _tracker.Save(to);
        _source?.Save(to); // behind all that earlier versions read
    }

    /// <param name="bytes">What <see cref="Save"/> wrote; empty: a checkpoint of before there were events.</param>
    /// <param name="defaults">The rule of such a stream.</param>
    /// <param name="labels">Of the stream's model. What it mutes by now does not matter: the stream's rules are those that it began
    /// with.</param>
    /// <exception cref="SnapshotException">Damaged, or of another model.</exception>
    public static StreamEvents Restore(ReadOnlySpan<byte> bytes, EventRule defaults, LabelName[] labels)
    {
        if (bytes.IsEmpty)
        {
            return new StreamEvents(defaults, [], Muted(labels), labels.Length, source: null);
        }
        var from = new SnapshotReader(bytes);
        var rule = ReadRule(ref from);
        var count = from.Read<int>("rules of labels");
        var mutes = count < 0;
        count = mutes ? ~count : count;
        SnapshotReader.Check(count <= labels.Length, "rules of labels", $"count {count}");
        var byLabel = new Dictionary<int, EventRule>();
        for (var i = 0; i < count; i++)
        {
            byLabel[from.Read<int>("label of a rule")] = ReadRule(ref from);
        }
        var muted = mutes ? from.ReadAll<int>("muted labels") : [];
        try
        {
            var tracker = new SoundEventTracker(new EventRules(rule, byLabel, muted: muted), labels.Length);
            tracker.Restore(ref from);
            var source = from.AtEnd ? null : SourceEvents.Restore(ref from);
            var events = new StreamEvents(rule, byLabel, muted, tracker, source);
            SnapshotReader.Check(from.AtEnd, "end of events", "bytes are left over");
            return events;
        }
        catch (ArgumentException broken)
        {
            throw new SnapshotException($"The stream's events are damaged: {broken.Message}");
        }
    }

    private static int[] Muted(LabelName[] labels) =>
        [.. labels.Index().Where(label => label.Item.Hidden || label.Item.Background).Select(label => label.Index)];

    private static EventRule Merge(SoundEventRule? asked, EventRule defaults)
    {
        if (asked is null)
        {
            return defaults;
        }
        var rule = new EventRule
        {
            On = asked.On ?? defaults.On,
            MinDuration = asked.MinDuration ?? defaults.MinDuration,
            MergeGap = asked.MergeGap ?? defaults.MergeGap,
        };
        // Without a threshold of its own, off stays in proportion to on.
        return asked.Off is { } off ? rule with { Off = off } : asked.On is null ? rule with { Off = defaults.Off } : rule;
    }

    private static void Write(SnapshotWriter to, EventRule rule)
    {
        to.Write(rule.On);
        to.Write(rule.Off);
        to.Write(rule.MinDuration.Ticks);
        to.Write(rule.MergeGap.Ticks);
    }

    private static EventRule ReadRule(ref SnapshotReader from) => new()
    {
        On = from.Read<float>("on"),
        Off = from.Read<float>("off"),
        MinDuration = new TimeSpan(from.Read<long>("minimum duration")),
        MergeGap = new TimeSpan(from.Read<long>("merge gap")),
    };

    private SoundEvent[] Take()
    {
        if (_changes.Count == 0 && _events.Count == 0)
        {
            return [];
        }
        SoundEvent[] events = [.. _changes.Select(From), .. _events];
        _changes.Clear();
        _events.Clear();
        return events;
    }

    public static SoundEvent From(EventChange change) => new(
        change.Id,
        change.Kind switch
        {
            EventChangeKind.Opened => SoundEventKind.Opened,
            EventChangeKind.Updated => SoundEventKind.Updated,
            _ => SoundEventKind.Closed,
        },
        change.Label, change.OnsetSeconds, change.OffsetSeconds, change.Peak, change.Mean);
}
