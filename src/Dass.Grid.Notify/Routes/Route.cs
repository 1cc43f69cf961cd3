using Dass.Grid.Client;
using Dass.Grid.Notify.Delivery;
using Dass.Grid.Notify.Reading;
using Dass.Grid.Notify.Rules;
using Dass.Grid.Notify.State;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Notify.Routes;

/// <summary>
/// One rule with one of its destinations: reads the grid's log of events, decides on each event once, and sends what is to be sent.
/// </summary>
/// <remarks>
/// The log is in the order of onsets, and an event is added when it closes: a long one, one that a stream owed while the store was away, or
/// one of an old recording is added behind events that have been read already. So no place in the log says what is new. What does is the
/// journal's list of events that have been decided on; the log is read again and again, its last minutes often, where a subscription has
/// seen an event close at once, and the last seven days when the route begins and once a day.
/// </remarks>
internal sealed class Route : IAsyncDisposable
{
    private const int Batch = 100; // decisions in a line of the journal
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(300); // recordings that are fed faster than in real time end later than now
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MarkInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly TimeSpan Gap = TimeSpan.FromSeconds(10); // between onsets that are read at once
    private static readonly TimeSpan Tick = TimeSpan.FromTicks(10); // a microsecond

    private readonly EventLogReader _log;
    private readonly RouteOptions _options;
    private readonly RouteJournal _journal;
    private readonly RuleDecisions _decisions;
    private readonly IDestination _destination;
    private readonly RouteSender _sender;
    private readonly RouteStatus _status;
    private readonly ExpectedEvents _expected;
    private readonly OpenedEvents _opened;
    private volatile bool _missed = true; // events may have closed unseen
    private long? _polled; // when the last minutes were read, by a clock that is never set
    private long? _swept; // and the last day
    private long? _sweptLong; // and all that is looked back for
    private int _failed; // readings in a row

    /// <exception cref="IOException">The journal cannot be used.</exception>
    public Route(
        Rule rule, DestinationSpec spec, SharedDestinations destinations, GridClient grid, StateDirectory state, RouteOptions options)
    {
        (Rule, Spec, _options, _log) = (rule, spec, options, new EventLogReader(grid));
        _journal = new RouteJournal(state.JournalOf(Name), rule, options.LookBack + 2 * Day, options.Time);
        _decisions = new RuleDecisions(rule, _journal.Memory);
        _status = new RouteStatus(rule, spec, options.Time);
        _expected = new ExpectedEvents(options.Time);
        _opened = new OpenedEvents(grid, options.Time);
        _destination = destinations.Open(spec);
        _sender = new RouteSender(
            spec, _destination, _journal, new DeadLetters(state.DeadLettersOf(Name), options.Time), _status, options.Pauses, options.Time);
    }

    public Rule Rule { get; }

    public DestinationSpec Spec { get; }

    public string Name => $"{Rule.Name}@{Spec.Name}";

    public RouteReport Report => _status.Report(_journal.PendingCount);

    /// <summary>Whether it would be the same route.</summary>
    public bool IsFor(Rule rule, DestinationSpec spec) =>
        (Rule.Name, Rule.Definition, Spec.Name, Spec.Definition) == (rule.Name, rule.Definition, spec.Name, spec.Definition);

    public void OnOpened(OpenedEvent opened)
    {
        var sound = opened.Sound;
        if (Rule.AtBegin && Rule.Concerns(opened.Stream, sound.LabelId, sound.Label, sound.PeakScore))
        {
            _opened.Add(opened);
            _expected.Wake();
        }
    }

    public void OnClosed(ClosedEvent closed)
    {
        if (Rule.Concerns(closed.Stream, closed.LabelId, closed.Label, closed.Peak))
        {
            _expected.Add(closed);
        }
    }

    /// <summary>Events may have closed unseen: the last day is read again.</summary>
    public void OnInterrupted()
    {
        _missed = true;
        _expected.Wake();
    }

    /// <summary>Until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _sender.Add(_journal.Pending());
        var sending = _sender.RunAsync(cancellationToken);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await ReadAsync(cancellationToken).ConfigureAwait(false);
                _status.OnGrid("");
                _status.OnState("");
                _failed = 0;
                await _expected.WaitAsync(_options.Poll - Since(_polled), cancellationToken).ConfigureAwait(false);
                continue;
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                break;
            }
            catch (RpcException away)
            {
                _status.OnGrid($"{away.StatusCode}: {away.Status.DebugException?.GetBaseException().Message ?? away.Status.Detail}");
            }
            catch (Exception broken) // mostly of the disk
            {
                _status.OnState(broken.Message);
            }
            var pause = Math.Min(0.25 * Math.Pow(2, Math.Min(_failed++, 10)), LongestPause.TotalSeconds);
            await Task.Delay(TimeSpan.FromSeconds(pause * (0.5 + Random.Shared.NextDouble())), _options.Time, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        _journal.Dispose();
        await _destination.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReadAsync(CancellationToken cancellationToken)
    {
        while (await _opened.FirstAsync(cancellationToken).ConfigureAwait(false) is { } begun)
        {
            if (begun.Offset.ToDateTime() >= _journal.Since && !_journal.HasSeen(Notice.KeyOf(begun)))
            {
                await DecideAsync([begun], cancellationToken).ConfigureAwait(false);
            }
            _opened.RemoveFirst();
        }
        var now = _options.Time.GetUtcNow().UtcDateTime;
        var isLong = Since(_sweptLong) >= _options.LongSweep;
        var isSweep = isLong || _missed || Since(_swept) >= _options.Sweep;
        if (!isSweep && Since(_polled) < _options.Poll)
        {
            await ReadExpectedAsync(cancellationToken).ConfigureAwait(false);
            return;
        }
        _missed = false;
        var began = _options.Time.GetTimestamp();
        var back = isLong || _options.LookBack < Day ? _options.LookBack : Day;
        try
        {
            await ReadAsync(isSweep ? now - back : now, now - _options.Recent, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _missed |= isSweep;
            throw;
        }
        _polled = began;
        if (isSweep)
        {
            (_swept, _sweptLong) = (began, isLong ? began : _sweptLong);
        }
        if (now - _journal.ReadUpTo > MarkInterval)
        {
            _journal.MarkRead(now);
        }
    }

    private TimeSpan Since(long? timestamp) =>
        timestamp is { } then ? _options.Time.GetElapsedTime(then) : TimeSpan.MaxValue;

    /// <summary>Looks where events are expected.</summary>
    private async Task ReadExpectedAsync(CancellationToken cancellationToken)
    {
        var found = new FoundEvents();
        foreach (var (from, to) in _expected.Spans(Gap))
        {
            await foreach (var kept in ListAsync(from - Tick, to + Tick, cancellationToken).ConfigureAwait(false))
            {
                found.Add(kept);
            }
        }
        await DecideAsync(found, cancellationToken).ConfigureAwait(false);
    }

    /// <param name="from">Onsets from then on are read.</param>
    /// <param name="recent">Onsets from then on are read twice.</param>
    /// <param name="cancellationToken">Ends it.</param>
    private async Task ReadAsync(DateTime from, DateTime recent, CancellationToken cancellationToken)
    {
        var found = new FoundEvents();
        if (from < recent)
        {
            await foreach (var kept in ListAsync(from, recent, cancellationToken).ConfigureAwait(false))
            {
                found.Add(kept);
                // Events that are still to come begin later, hence end later than these.
                await DecideAsync(found.TakeUntil(kept.Onset.ToDateTime(), Batch), cancellationToken).ConfigureAwait(false);
            }
        }
        await foreach (var kept in ListAsync(recent, recent + Ahead, cancellationToken).ConfigureAwait(false))
        {
            found.Add(kept);
        }
        if (found.Count == 0)
        {
            return;
        }
        // The log is read piece by piece. An event that was added to a piece after that had been read may be older than one of a later
        // piece; it is there by now.
        var ends = found.LastEnds();
        await foreach (var kept in ListAsync(recent, recent + Ahead, cancellationToken).ConfigureAwait(false))
        {
            if (ends.TryGetValue(kept.StreamId, out var end) && kept.Offset.ToDateTime() <= end)
            {
                found.Add(kept);
            }
        }
        await DecideAsync(found, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Decides on all that have been found, but for those that end behind one of their stream that is not listed yet.</summary>
    private async Task DecideAsync(FoundEvents found, CancellationToken cancellationToken)
    {
        var missing = found.Count == 0 ? [] : _expected.FirstMissing(found.Names());
        while (found.Count > 0)
        {
            KeptEvent[] events =
            [
                .. found.Take(Batch).Where(
                    kept => !missing.TryGetValue(kept.StreamId, out var end) || kept.Offset.ToDateTime() <= end),
            ];
            await DecideAsync(events, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Events that have not been decided on.</summary>
    private async IAsyncEnumerable<KeptEvent> ListAsync(
        DateTime from, DateTime to, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var kept in _log.ReadAsync(Rule.ToSelection(), from, to, cancellationToken).ConfigureAwait(false))
        {
            if (kept.Offset.ToDateTime() >= _journal.Since && !_journal.HasSeen(Notice.KeyOf(kept)))
            {
                yield return kept;
            }
            else
            {
                _expected.Remove(kept.StreamId, kept.Event.Id);
            }
        }
    }

    private async Task DecideAsync(IReadOnlyList<KeptEvent> events, CancellationToken cancellationToken)
    {
        if (events.Count == 0)
        {
            return;
        }
        while (_sender.Progress is var progress && _journal.PendingCount >= _options.MaxWaiting)
        {
            _status.OnFull(true);
            await progress.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        _status.OnFull(false);
        _sender.Add(_journal.Decide(
            [.. events.Select(kept => (Notice.KeyOf(kept), kept.Onset.ToDateTime()))],
            () => [.. events.Where(kept => _decisions.Decide(kept) == Decision.Send).Select(kept => Notice.From(Rule.Name, kept))]));
        foreach (var kept in events)
        {
            _expected.Remove(kept.StreamId, kept.Event.Id);
        }
    }
}
