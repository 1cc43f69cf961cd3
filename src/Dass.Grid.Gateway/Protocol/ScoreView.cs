using Dass.Grid.V1;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>The scores that one call asks for: a <see cref="TagFilter"/>, checked and bound to a model's labels.</summary>
internal sealed class ScoreView
{
    private const int DefaultTop = 10;
    private const int MaxLabels = 1_000;

    private readonly LabelName[] _labels;
    private readonly int[] _shown; // indices of the labels whose scores are shown, ascending
    private readonly int[]? _events; // and of those whose events are; null: all, since a stream has no others than it was asked for
    private readonly Func<int, int[]> _ancestors;
    private readonly int _top;
    private readonly float _minScore;
    private readonly bool _dense;
    private readonly bool _spectrogram;
    private readonly float _minPeak;
    private readonly double _minEventSeconds;

    /// <param name="filter">What is asked for.</param>
    /// <param name="card">Of the model.</param>
    /// <param name="isOneOfMany">Labels that the model lacks are of another model, and no mistake.</param>
    /// <exception cref="RpcException">A rule of the filter is broken, or it names an unknown label.</exception>
    public ScoreView(TagFilter? filter, ModelCard card, bool isOneOfMany = false)
    {
        Check(filter);
        _labels = card.Labels;
        _ancestors = card.AncestorsOf;
        _top = filter is { HasTop: true } ? filter.Top : DefaultTop;
        _minScore = filter?.MinScore ?? 0;
        _dense = filter?.Dense ?? false;
        _spectrogram = filter?.Spectrogram ?? false;
        _minPeak = filter is { HasMinPeakScore: true } ? filter.MinPeakScore : _minScore;
        _minEventSeconds = RequestMapping.EventDuration("filter.min_event_duration", filter?.MinEventDuration)?.TotalSeconds ?? 0;
        _events = filter is { Labels.Count: > 0 }
            ? [.. filter.Labels.Select(label => IndexOf(label, card, isOneOfMany)).Where(index => index >= 0).Distinct().Order()]
            : null;
        _shown = _events is null ? card.Offered() : [.. _events.Where(index => !SourceLabels.Has(index))];
    }

    /// <summary>The rules that need no model.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT.</exception>
    public static void Check(TagFilter? filter)
    {
        if (filter is { HasTop: true, Top: < 0 })
        {
            throw ProtocolErrors.Top(filter.Top);
        }
        if (filter is not null && filter.MinScore is not (>= 0 and <= 1))
        {
            throw ProtocolErrors.Score("filter.min_score", filter.MinScore);
        }
        if (filter is { HasMinPeakScore: true, MinPeakScore: not (>= 0 and <= 1) })
        {
            throw ProtocolErrors.Score("filter.min_peak_score", filter.MinPeakScore);
        }
        RequestMapping.EventDuration("filter.min_event_duration", filter?.MinEventDuration);
        if (filter?.Labels.Count > MaxLabels)
        {
            throw ProtocolErrors.TooManyLabels(filter.Labels.Count, MaxLabels);
        }
    }

    public Tags Map(ChunkTags chunk)
    {
        var tags = new Tags
        {
            Chunk = chunk.Index,
            StartSeconds = chunk.StartSeconds,
            EndSeconds = chunk.EndSeconds,
            LostSeconds = chunk.LostSeconds,
            Level = chunk.Level is { } level ? ResponseMapping.Map(level) : null,
        };
        if (_spectrogram)
        {
            tags.Spectrogram = UnsafeByteOperations.UnsafeWrap(chunk.Spectrogram);
        }
        Select(chunk.Scores, tags.ChunkScores);
        Select(chunk.WindowScores, tags.WindowScores);
        if (_dense)
        {
            tags.DenseChunkScores.AddRange(chunk.Scores);
            tags.DenseWindowScores.AddRange(chunk.WindowScores);
        }
        if (chunk.Events.Length > 0)
        {
            tags.Events.AddRange(Select(chunk.Events));
        }
        return tags;
    }

    public Gap Map(StreamGap gap) => new()
    {
        FromSample = gap.FromSample,
        ToSample = gap.ToSample,
        NextChunk = gap.NextChunk,
        Reason = gap.Reason,
        Events = { Select(gap.Events) },
    };

    public Ended Map(StreamEnd end) =>
        new() { Reason = ResponseMapping.Map(end.Reason), Summary = Map(end.Summary), Events = { Select(end.Events) } };

    /// <summary>Events of the wanted labels that are high and long enough by now.</summary>
    public IEnumerable<Event> Select(SoundEvent[] events) => events
        .Where(sound => sound.Peak >= _minPeak
            && sound.OffsetSeconds - sound.OnsetSeconds >= _minEventSeconds
            && (_events is null || Array.BinarySearch(_events, sound.Label) >= 0))
        .Select(sound => new Event
        {
            Id = sound.Id,
            Kind = (EventKind)sound.Kind,
            LabelIndex = sound.Label,
            LabelId = Label(sound.Label).Id,
            Label = Label(sound.Label).Name,
            OnsetSeconds = sound.OnsetSeconds,
            OffsetSeconds = sound.OffsetSeconds,
            PeakScore = sound.Peak,
            MeanScore = sound.Mean,
        });

    public Summary Map(HeardSummary past)
    {
        var summary = new Summary { DurationSeconds = past.DurationSeconds, Chunks = past.Chunks };
        Select(past.Mean, summary.Mean);
        Select(past.Max, summary.Max);
        if (_dense)
        {
            summary.DenseMean.AddRange(past.Mean);
            summary.DenseMax.AddRange(past.Max);
        }
        return summary;
    }

    /// <summary>The labels that a stream's health names.</summary>
    public IEnumerable<LabelScore> Top(Contracts.StreamHealth health) =>
        health.Labels.Zip(health.Scores, Named);

    /// <summary>Adds the highest scores of the labels that are shown; see <see cref="LabelOrder"/>. None of an empty list.</summary>
    private void Select(float[] scores, RepeatedField<LabelScore> to)
    {
        foreach (var index in scores.Length == 0 ? [] : LabelOrder.Take(_shown, scores, _minScore, _top, _ancestors))
        {
            to.Add(Named(index, scores[index]));
        }
    }

    /// <summary>The display name of a label.</summary>
    public string NameOf(int index) => Label(index).Name;

    private LabelName Label(int index) => SourceLabels.Has(index) ? SourceLabels.At(index) : _labels[index];

    private LabelScore Named(int index, float score) =>
        new() { Index = index, Id = _labels[index].Id, Name = _labels[index].Name, Score = score };

    private static int IndexOf(string label, ModelCard card, bool isOneOfMany)
    {
        if (SourceLabels.Find(label) is { } source)
        {
            return source;
        }
        var index = Array.FindIndex(card.Labels, each => each.IsCalled(label));
        return index >= 0 || isOneOfMany
            ? index
            : throw ProtocolErrors.UnknownLabel(label, card.Summary.Name, card.Labels.Select(each => each.Name));
    }
}
