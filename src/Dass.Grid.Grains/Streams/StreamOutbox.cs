using System.Text.Json;
using Dass.Grid.Grains.Sessions;

namespace Dass.Grid.Grains.Streams;

/// <summary>What a stream owes to its tenant's books: closed events and use. It stays here, and in checkpoints, until the books have it in the store.</summary>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class StreamOutbox(StreamId id, StreamGrainShared shared)
{
    private const int MaxOwed = 10_000; // events, while the books are away

    private readonly List<LoggedEvent> _owed = [];
    private readonly Queue<UsageSpan> _finals = new();
    private Span _span = new(0, 0, 0);
    private UsageSpan? _goesOn; // as of the last report that was wanted
    private UsageSpan? _reported;
    private Task _settling = Task.CompletedTask;

    /// <summary>
    /// When the stream was fed last, as the page that was restored says. It is on this page, which may grow without a new layout of checkpoints.
    /// </summary>
    public DateTimeOffset? LastActive { get; private set; }

    /// <summary>Lost audio by chunk, s: of kept chunks and of those that come next, as the page that was restored says, for the same reason.</summary>
    public IReadOnlyDictionary<long, double> Lost { get; private set; } = new Dictionary<long, double>();

    /// <summary>Whether the books have everything but the span that goes on.</summary>
    public bool IsSettled => _owed.Count == 0 && _finals.Count == 0 && _settling.IsCompleted;

    /// <summary>A stream begins, or begins again with another session or model.</summary>
    /// <param name="nextSample">Audio before it is not heard by this session.</param>
    /// <param name="nextChunk">First chunk of the span.</param>
    public void Begin(long nextSample, long nextChunk) => (_span, _reported) = (new Span(nextSample, nextChunk, 0), null);

    /// <summary>The span is over.</summary>
    public void End(LiveStream live)
    {
        _goesOn = null;
        _finals.Enqueue(SpanOf(live, final: true));
    }

    /// <summary>Enters closed events.</summary>
    public void Enter(LiveStream live, SoundEvent[] events)
    {
        foreach (var sound in events.Where(sound => sound.Kind == SoundEventKind.Closed))
        {
            _span = _span with { Events = _span.Events + 1 };
            if (shared.Options.EventRetention == TimeSpan.Zero)
            {
                continue;
            }
            var label = live.Model.Card.Labels[sound.Label];
            var onset = (live.Shape.Captured ?? live.Begun) + TimeSpan.FromSeconds(sound.OnsetSeconds);
            _owed.Add(new LoggedEvent(
                id.Name, live.Begun, sound.Id, onset, sound.OnsetSeconds, sound.OffsetSeconds, label.Id, label.Name, sound.Peak, sound.Mean, live.Model.Name));
            shared.Instruments.OnEventClosed();
            if (_owed.Count > MaxOwed)
            {
                shared.Logger.EventLost(id, _owed[0].Id, MaxOwed);
                _owed.RemoveAt(0);
                shared.Instruments.OnEventsLost(1);
            }
        }
    }

    /// <summary>Tells the books. Never throws: what fails is owed on, and told again the next time.</summary>
    /// <param name="grains">Where the books are.</param>
    /// <param name="report">Whose use so far is reported, too; null: nobody's.</param>
    public void Settle(IGrainFactory grains, LiveStream? report = null)
    {
        _goesOn = report is null ? _goesOn : SpanOf(report, final: false);
        if (_settling.IsCompleted)
        {
            _settling = SettleAsync(grains);
        }
    }

    /// <summary>Tells the books, and waits until that has been tried.</summary>
    public Task SettleNowAsync(IGrainFactory grains)
    {
        Settle(grains);
        return _settling;
    }

    public byte[] Save(DateTimeOffset lastActive, Dictionary<long, double> lost) =>
        JsonSerializer.SerializeToUtf8Bytes(new Page(_span, [.. _owed], [.. _finals]) { LastActive = lastActive, Lost = lost.Count > 0 ? lost : null });

    /// <exception cref="JsonException">Damaged.</exception>
    public void Restore(ReadOnlySpan<byte> page)
    {
        Lost = new Dictionary<long, double>();
        if (page.IsEmpty || JsonSerializer.Deserialize<Page>(page) is not { } saved)
        {
            return;
        }
        // What this activation owed before it slept is in the checkpoint that it left.
        _owed.Clear();
        _finals.Clear();
        (_span, _reported, LastActive, Lost) = (saved.Span, null, saved.LastActive, saved.Lost ?? Lost);
        _owed.AddRange(saved.Owed);
        Array.ForEach(saved.Finals, _finals.Enqueue);
    }

    private async Task SettleAsync(IGrainFactory grains)
    {
        try
        {
            var usage = grains.GetGrain<IUsageGrain>(id.Tenant);
            while (_owed.Count > 0 || _finals.Count > 0 || (_goesOn is not null && _goesOn != _reported))
            {
                foreach (var span in _owed.GroupBy(sound => EventLogKey.SpanOf(sound.Onset)).Select(span => (span.Key, Events: span.ToArray())).ToArray())
                {
                    await grains.GetGrain<IEventLogGrain>(new EventLogKey(id.Tenant, span.Key).ToString()).Append(span.Events);
                    _owed.RemoveAll(span.Events.Contains);
                    shared.Instruments.OnEventsKept(span.Events.Length);
                }
                if (_finals.TryPeek(out var final))
                {
                    await usage.Report(final);
                    _finals.Dequeue();
                }
                else if (_goesOn is { } goesOn && goesOn != _reported)
                {
                    await usage.Report(goesOn);
                    _reported = goesOn;
                }
            }
        }
        catch (Exception failure)
        {
            shared.Logger.NotSettled(id, _owed.Count, failure);
        }
    }

    private UsageSpan SpanOf(LiveStream live, bool final) => new(
        id.Name, live.Begun, _span.FromChunk, live.Model.Name, (double)(live.NextSample - _span.FromSample) / live.Shape.Format.SampleRateHz, _span.Events, final);

    /// <summary>One session's use so far.</summary>
    internal sealed record Span(long FromSample, long FromChunk, long Events);

    /// <summary>The ledger at rest.</summary>
    internal sealed record Page(Span Span, LoggedEvent[] Owed, UsageSpan[] Finals)
    {
        /// <summary>Null: written before this was kept.</summary>
        public DateTimeOffset? LastActive { get; init; }

        /// <summary>Null: nothing.</summary>
        public Dictionary<long, double>? Lost { get; init; }
    }
}
