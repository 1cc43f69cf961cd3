using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Events;

/// <summary>
/// From a stream's chunk scores to events with onset and offset, each label by its <see cref="EventRule"/>. The changes are a function of
/// the chunks and breaks alone, so a replay repeats every event with its id. Events of a label never overlap; without a break between them
/// they are further apart than the rule's MergeGap. Its size does not grow with the stream; a chunk that changes nothing allocates nothing.
/// Not thread-safe.
/// </summary>
public sealed class SoundEventTracker
{
    private readonly EventRules _rules;
    private readonly ActiveSound[] _sounds;
    private readonly float[] _before; // scores of the last chunk, valid when _follows
    private double _centre; // of the last chunk, seconds
    private double _end; // of the last chunk, seconds
    private long _next; // index after the last chunk's
    private bool _follows; // whether the next chunk follows on the last

    /// <param name="rules">When a sound is an event.</param>
    /// <param name="labelCount">Scores of a chunk.</param>
    /// <exception cref="ArgumentException">A rule is for a label that is not there.</exception>
    public SoundEventTracker(EventRules rules, int labelCount)
    {
        var validation = new OptionRules();
        foreach (var (label, _) in rules.Overrides)
        {
            validation.Rule(label < labelCount, "Label", label, $"it must be below the model's number of labels ({labelCount})");
        }
        validation.Rule(
            !rules.Muted.Any(label => label >= labelCount), "Muted label", rules.Muted.LastOrDefault(),
            $"it must be below the model's number of labels ({labelCount})");
        validation.ThrowIfBroken();
        _rules = rules;
        _sounds = new ActiveSound[labelCount];
        _before = new float[labelCount];
    }

    /// <summary>
    /// Takes in a chunk. One that does not follow on the last by its index is taken as the first after a <see cref="Break"/>.
    /// </summary>
    /// <param name="chunk">Scores of all labels, 0 to 1; NaN is below every threshold. Not kept.</param>
    /// <param name="changes">Receives what has become known, by label.</param>
    /// <exception cref="ArgumentException">Another number of scores, or a chunk that is not after the last. Nothing has
    /// changed.</exception>
    public void Add(ChunkScores chunk, List<EventChange> changes)
    {
        if (chunk.Scores.Length != _sounds.Length)
        {
            throw new ArgumentException($"The chunk has {chunk.Scores.Length} scores; it must have {_sounds.Length}.", nameof(chunk));
        }
        if (chunk.Index < _next)
        {
            throw new ArgumentException(
                $"The chunk's index is {chunk.Index}; it must be at least {_next}, after the last chunk.", nameof(chunk));
        }
        if (chunk.Index > _next)
        {
            Break(changes);
        }
        _next = chunk.Index + 1;
        _end = chunk.EndSeconds;
        var centre = (chunk.StartSeconds + chunk.EndSeconds) / 2;
        for (var label = 0; label < _sounds.Length; label++)
        {
            if (_rules.IsMuted(label))
            {
                continue;
            }
            var rule = _rules[label];
            if (chunk.Scores[label] >= rule.Off)
            {
                AddSounding(label, rule, chunk, centre, changes);
            }
            else if (_sounds[label].Phase != SoundPhase.Silent)
            {
                AddSilent(label, rule, chunk.Scores[label], centre, changes);
            }
        }
        chunk.Scores.CopyTo(_before, 0);
        (_centre, _follows) = (centre, true);
    }

    /// <summary>Closes what is open at the end of the last chunk: what follows in the stream has a gap before it.</summary>
    public void Break(List<EventChange> changes) => Complete(_end, changes);

    /// <summary>Closes what is open at the stream's end.</summary>
    /// <param name="endSeconds">End of the stream, in stream time; before the end of the last chunk it counts as that.</param>
    /// <param name="changes">Receives the last changes, by label.</param>
    public void Complete(double endSeconds, List<EventChange> changes)
    {
        for (var label = 0; label < _sounds.Length; label++)
        {
            ref var sound = ref _sounds[label];
            if (sound.Phase == SoundPhase.On)
            {
                sound.Until = endSeconds > _end ? endSeconds : _end;
                OpenWhenCertain(label, _rules[label], ref sound, changes);
            }
            Close(label, ref sound, changes);
        }
        _follows = false;
    }

    /// <summary>Writes everything, the rules too: about four bytes for each label and 66 for each sound that lasts.</summary>
    public void Save(SnapshotWriter to)
    {
        to.Write(_sounds.Length);
        _rules.Save(to);
        to.Write(_next);
        to.Write(_centre);
        to.Write(_end);
        to.Write((byte)(_follows ? 1 : 0));
        to.WriteAll<float>(_before);
        to.Write(_sounds.Count(sound => sound.Phase != SoundPhase.Silent));
        for (var label = 0; label < _sounds.Length; label++)
        {
            if (_sounds[label].Phase != SoundPhase.Silent)
            {
                to.Write(label);
                _sounds[label].Save(to);
            }
        }
    }

    /// <summary>Goes on where another tracker was saved, to the bit. After an exception this tracker is of no use.</summary>
    /// <exception cref="SnapshotException">Damage, or a tracker of other labels or rules.</exception>
    public void Restore(ref SnapshotReader from)
    {
        if (from.Read<int>("labels") is var labels && labels != _sounds.Length)
        {
            throw new SnapshotException($"The stream's events were saved for {labels} labels; they cannot go on with {_sounds.Length}.");
        }
        _rules.Check(ref from);
        _next = from.Read<long>("next chunk");
        _centre = from.Read<double>("centre of the last chunk");
        _end = from.Read<double>("end of the last chunk");
        var follows = from.Read<byte>("chunk follows");
        SnapshotReader.Check(
            _next >= 0 && _centre >= 0 && _centre <= _end && double.IsFinite(_end) && follows <= 1,
            "last chunk", $"{_next}, {_centre}, {_end}, {follows}");
        _follows = follows == 1;
        from.ReadAll<float>("scores of the last chunk", _before);
        Array.Clear(_sounds);
        var count = from.Read<int>("sounds");
        SnapshotReader.Check(count >= 0 && count <= (_follows ? labels : 0), "sounds", $"count {count}");
        for (int i = 0, least = 0; i < count; i++)
        {
            var label = from.Read<int>("label of a sound");
            SnapshotReader.Check(label >= least && label < labels && !_rules.IsMuted(label), "label of a sound", $"{label}");
            _sounds[label] = ActiveSound.Restore(ref from, _next, _end);
            least = label + 1;
        }
    }

    private void AddSounding(int label, EventRule rule, ChunkScores chunk, double centre, List<EventChange> changes)
    {
        ref var sound = ref _sounds[label];
        var score = chunk.Scores[label];
        if (sound.Phase != SoundPhase.On)
        {
            var rise = _follows ? ThresholdCrossing.Seconds(rule.Off, _before[label], _centre, score, centre) : chunk.StartSeconds;
            if (sound.Phase == SoundPhase.Paused && rise - sound.Until > rule.MergeGap.TotalSeconds)
            {
                Close(label, ref sound, changes);
            }
            if (sound.Phase == SoundPhase.Silent)
            {
                sound.Onset = rise;
            }
            sound.Phase = SoundPhase.On;
        }
        sound.ReachedOn |= score >= rule.On;
        sound.Add(score, centre);
        OpenWhenCertain(label, rule, ref sound, changes);
        UpdateWhenDue(label, ref sound, changes);
    }

    private void AddSilent(int label, EventRule rule, float score, double centre, List<EventChange> changes)
    {
        ref var sound = ref _sounds[label];
        if (sound.Phase == SoundPhase.On)
        {
            (sound.Phase, sound.Until) = (SoundPhase.Paused, ThresholdCrossing.Seconds(rule.Off, _before[label], _centre, score, centre));
            OpenWhenCertain(label, rule, ref sound, changes);
        }
        // The next chunk's rise cannot lie before this chunk's centre.
        if (centre - sound.Until > rule.MergeGap.TotalSeconds)
        {
            Close(label, ref sound, changes);
        }
        else
        {
            UpdateWhenDue(label, ref sound, changes);
        }
    }

    private void OpenWhenCertain(int label, EventRule rule, ref ActiveSound sound, List<EventChange> changes)
    {
        // A sound of no length can occur when its only chunk just reaches Off.
        if (!sound.Opened && sound.ReachedOn && sound.Length > 0 && sound.Length >= rule.MinDuration.TotalSeconds)
        {
            (sound.Opened, sound.OpenedChunk, sound.Reported) = (true, _next - 1, _end);
            changes.Add(sound.Change(EventChangeKind.Opened, label));
        }
    }

    private void UpdateWhenDue(int label, ref ActiveSound sound, List<EventChange> changes)
    {
        if (sound.Opened && _end - sound.Reported >= _rules.UpdateEvery.TotalSeconds)
        {
            sound.Reported = _end;
            changes.Add(sound.Change(EventChangeKind.Updated, label));
        }
    }

    private static void Close(int label, ref ActiveSound sound, List<EventChange> changes)
    {
        if (sound.Opened)
        {
            changes.Add(sound.Change(EventChangeKind.Closed, label));
        }
        sound = default;
    }
}
