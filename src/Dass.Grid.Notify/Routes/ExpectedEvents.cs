using Dass.Grid.Notify.Reading;

namespace Dass.Grid.Notify.Routes;

/// <summary>
/// Events that have been seen to close and are not listed yet: where to look for them, and when to look again. Those that do not come, e.g.
/// because the grid's store is away, are left to the readings of longer spans.
/// </summary>
internal sealed class ExpectedEvents(TimeProvider clock)
{
    private const int Most = 10_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(0.1);

    private readonly Dictionary<(string Stream, string Event), (ClosedEvent Closed, long Since)> _expected = []; // its own lock
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _looks; // without finding all

    public void Add(ClosedEvent closed)
    {
        lock (_expected)
        {
            if (_expected.Count < Most)
            {
                _expected[(closed.Stream, closed.Event)] = (closed, clock.GetTimestamp());
            }
            _looks = 0;
            _news.TrySetResult();
        }
    }

    public void Remove(string stream, string id)
    {
        lock (_expected)
        {
            _expected.Remove((stream, id));
        }
    }

    /// <summary>Something else asks for a look now.</summary>
    public void Wake()
    {
        lock (_expected)
        {
            _news.TrySetResult();
        }
    }

    /// <summary>Spans of onsets that hold all that are expected, in order; gaps shorter than <paramref name="gap"/> are in them.</summary>
    public IReadOnlyList<(DateTime From, DateTime To)> Spans(TimeSpan gap)
    {
        DateTime[] onsets;
        lock (_expected)
        {
            onsets = [.. _expected.Values.Select(each => each.Closed.Onset).Order()];
        }
        var spans = new List<(DateTime From, DateTime To)>();
        foreach (var onset in onsets)
        {
            if (spans.Count > 0 && onset - spans[^1].To < gap)
            {
                spans[^1] = (spans[^1].From, onset);
            }
            else
            {
                spans.Add((onset, onset));
            }
        }
        return spans;
    }

    /// <summary>By stream: when the first of those ends that are expected and not among <paramref name="found"/>.</summary>
    public Dictionary<string, DateTime> FirstMissing(IReadOnlySet<(string Stream, string Event)> found)
    {
        lock (_expected)
        {
            return _expected.Where(each => !found.Contains(each.Key)).GroupBy(each => each.Key.Stream)
                .ToDictionary(stream => stream.Key, stream => stream.Min(each => each.Value.Closed.End));
        }
    }

    /// <summary>
    /// Until it is worth while to look again: an event has closed, or one is still expected, or <paramref name="most"/> is over.
    /// </summary>
    public async Task WaitAsync(TimeSpan most, CancellationToken cancellationToken)
    {
        Task news;
        TimeSpan pause;
        lock (_expected)
        {
            foreach (var (key, (_, since)) in _expected.ToArray())
            {
                if (clock.GetElapsedTime(since) > Patience)
                {
                    _expected.Remove(key);
                }
            }
            news = _news.Task;
            pause = _expected.Count == 0 ? most : FirstPause * Math.Pow(2, Math.Min(_looks++, 6));
        }
        pause = pause < most ? pause : most;
        await Task.WhenAny(news, Task.Delay(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, clock, cancellationToken)).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        if (news.IsCompleted)
        {
            // What closes at the same moment is read at once, and is in the log by then.
            await Task.Delay(FirstPause, clock, cancellationToken).ConfigureAwait(false);
            lock (_expected)
            {
                _news = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }
}
