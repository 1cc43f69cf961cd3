using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Sessions;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Streams;

/// <summary>
/// A transactional outbox: closed events on their way to the tenant's event logs, and use on its way to the usage records. They stay here,
/// and in checkpoints, until the logs and records have them in the store; both add the same entry once.
/// </summary>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class StreamOutbox(StreamId id, StreamGrainShared shared)
{
    private const int MaxOwed = 10_000; // events, while the logs cannot be reached

    private readonly List<LoggedEvent> _owed = [];
    private readonly Queue<UsageSpan> _finals = new();
    private UsageStart _span = new(0, 0, 0);
    private UsageSpan? _current; // as of the last report that was asked for
    private UsageSpan? _reported;
    private Task _delivering = Task.CompletedTask;

    /// <summary>Whether logs and records have everything but the span that goes on.</summary>
    public bool IsEmpty => _owed.Count == 0 && _finals.Count == 0 && _delivering.IsCompleted;

    /// <summary>A stream begins, or begins again with another session or model.</summary>
    /// <param name="nextSample">Audio before it is not this session's.</param>
    /// <param name="nextChunk">First chunk of the span.</param>
    public void BeginSpan(long nextSample, long nextChunk) => (_span, _reported) = (new UsageStart(nextSample, nextChunk, 0), null);

    /// <summary>The span is over.</summary>
    public void EndSpan(LiveStream live) => EndSpan(live.Shape, live.Begun, live.NextSample);

    /// <summary>The same, of a stream that has no session.</summary>
    public void EndSpan(StreamShape shape, DateTimeOffset begun, long nextSample)
    {
        _current = null;
        _finals.Enqueue(SpanFrom(shape, begun, nextSample, final: true));
    }

    /// <summary>What metrics see of this activation.</summary>
    public StreamGauge Gauge { get; } = new();

    /// <summary>Adds those of the events that are closed.</summary>
    public void Add(LiveStream live, SoundEvent[] events) => Add(live.Shape, live.Begun, live.Model.Card.Labels, events);

    /// <summary>The same, of a stream that has no session.</summary>
    public void Add(StreamShape shape, DateTimeOffset begun, LabelName[] labels, SoundEvent[] events)
    {
        foreach (var sound in events.Where(sound => sound.Kind == SoundEventKind.Closed))
        {
            _span = _span with { Events = _span.Events + 1 };
            if (shared.Records.EventRetention == TimeSpan.Zero)
            {
                continue;
            }
            _owed.Add(EntryFrom(shape, begun, labels, sound));
            shared.Instruments.OnEventClosed();
            if (_owed.Count > MaxOwed)
            {
                shared.LogEventLost(id, _owed[0].Id, MaxOwed);
                _owed.RemoveAt(0);
                shared.Instruments.OnEventsLost(1);
            }
            Gauge.OwedEvents = _owed.Count;
        }
    }

    /// <summary>Sends what is here. Never throws: what fails stays here, and is sent again the next time.</summary>
    /// <param name="report">A stream whose use so far is sent, too; null: none.</param>
    public void Deliver(LiveStream? report = null)
    {
        _current = report is null ? _current : SpanFrom(report.Shape, report.Begun, report.NextSample, final: false);
        if (_delivering.IsCompleted)
        {
            _delivering = SendAsync();
        }
    }

    /// <summary>Sends what is here, and waits until that has been tried.</summary>
    public Task DeliverAsync()
    {
        Deliver();
        return _delivering;
    }

    public CheckpointNotes ToNotes() => new(_span, [.. _owed], [.. _finals]);

    /// <summary>Begins with what a checkpoint says: it has what this activation owed before its stream slept.</summary>
    public void Restore(CheckpointNotes notes)
    {
        _owed.Clear();
        _finals.Clear();
        (_span, _reported) = (notes.Span, null);
        _owed.AddRange(notes.Owed);
        Gauge.OwedEvents = _owed.Count;
        Array.ForEach(notes.Finals, _finals.Enqueue);
    }

    private async Task SendAsync()
    {
        var failed = new HashSet<long>(); // spans whose logs have not taken their events
        Exception? first = null;
        try
        {
            var usage = shared.Grains.GetGrain<IUsageGrain>(id.Tenant);
            while (_finals.Count > 0 || (_current is not null && _current != _reported) || Logs().Any())
            {
                foreach (var log in Logs().ToArray())
                {
                    try
                    {
                        await AppendAsync(log.Key, [.. log]);
                    }
                    catch (Exception failure) when (failure is not TimeoutException) // a log that can never be written holds up no other
                    {
                        failed.Add(log.Key);
                        first ??= failure;
                    }
                }
                if (_finals.TryPeek(out var final))
                {
                    await usage.Report(final);
                    _finals.Dequeue();
                }
                else if (_current is { } current && current != _reported)
                {
                    await usage.Report(current);
                    _reported = current;
                }
            }
        }
        catch (Exception failure)
        {
            first ??= failure;
        }
        if (first is not null)
        {
            // Silos that stop or fail are told of by other lines; what is owed lies in the checkpoint.
            shared.LogNotDelivered(
                first is SiloUnavailableException ? LogLevel.Information : LogLevel.Warning, id, _owed.Count, first);
        }

        IEnumerable<IGrouping<long, LoggedEvent>> Logs() =>
            _owed.GroupBy(sound => EventLogKey.SpanOf(sound.Onset)).Where(log => !failed.Contains(log.Key));
    }

    private async Task AppendAsync(long span, LoggedEvent[] events)
    {
        await shared.Grains.GetGrain<IEventLogGrain>(new EventLogKey(id.Tenant, span).ToString()).Append(events);
        _owed.RemoveAll(events.Contains);
        Gauge.OwedEvents = _owed.Count;
    }

    private LoggedEvent EntryFrom(StreamShape shape, DateTimeOffset begun, LabelName[] labels, SoundEvent sound)
    {
        var label = SourceLabels.Has(sound.Label) ? SourceLabels.At(sound.Label) : labels[sound.Label];
        return new LoggedEvent(
            id.Name,
            begun,
            sound.Id,
            (shape.Captured ?? begun) + TimeSpan.FromSeconds(sound.OnsetSeconds),
            sound.OnsetSeconds,
            sound.OffsetSeconds,
            label.Id,
            label.Name,
            sound.Peak,
            sound.Mean,
            shape.Model.Name);
    }

    private UsageSpan SpanFrom(StreamShape shape, DateTimeOffset begun, long nextSample, bool final) => new(
        id.Name,
        begun,
        _span.FromChunk,
        shape.Model.Name,
        (double)(nextSample - _span.FromSample) / shape.Format.SampleRateHz,
        _span.Events,
        final);
}
