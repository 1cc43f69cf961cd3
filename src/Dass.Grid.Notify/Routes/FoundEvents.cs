using Dass.Grid.V1;

namespace Dass.Grid.Notify.Routes;

/// <summary>Events that have been found and not been decided on: each once, and taken in the order of their ends.</summary>
internal sealed class FoundEvents
{
    private readonly PriorityQueue<KeptEvent, (DateTime End, DateTime Onset, string Id)> _events = new();
    private readonly HashSet<UInt128> _keys = [];
    private List<KeptEvent> _ready = [];

    public int Count => _events.Count + _ready.Count;

    public void Add(KeptEvent kept)
    {
        if (_keys.Add(Notice.KeyOf(kept)))
        {
            _events.Enqueue(kept, (kept.Offset.ToDateTime(), kept.Onset.ToDateTime(), kept.Event.Id));
        }
    }

    /// <summary>Sets those aside that end by <paramref name="time"/>, and takes them when they are a batch.</summary>
    public IReadOnlyList<KeptEvent> TakeUntil(DateTime time, int batch)
    {
        while (_ready.Count < batch && _events.TryPeek(out _, out var priority) && priority.End <= time)
        {
            _ready.Add(_events.Dequeue());
        }
        return _ready.Count < batch ? [] : TakeReady();
    }

    /// <summary>Takes the next of all, a batch at most.</summary>
    public IReadOnlyList<KeptEvent> Take(int batch)
    {
        while (_ready.Count < batch && _events.TryDequeue(out var kept, out _))
        {
            _ready.Add(kept);
        }
        return TakeReady();
    }

    /// <summary>By stream: when the last of its events ends.</summary>
    public Dictionary<string, DateTime> LastEnds() =>
        _events.UnorderedItems.GroupBy(each => each.Element.StreamId).ToDictionary(
            stream => stream.Key, stream => stream.Max(each => each.Priority.End));

    /// <summary>Streams and ids of all that have not been taken.</summary>
    public HashSet<(string Stream, string Event)> Names() =>
        [.. _ready.Concat(_events.UnorderedItems.Select(each => each.Element)).Select(kept => (kept.StreamId, kept.Event.Id))];

    private List<KeptEvent> TakeReady()
    {
        var taken = _ready;
        _ready = [];
        return taken;
    }
}
