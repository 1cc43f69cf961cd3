using System.Threading.Channels;
using Dass.Grid.Notify.Delivery;
using Dass.Grid.Notify.Rules;
using Dass.Grid.Notify.State;

namespace Dass.Grid.Notify.Routes;

/// <summary>
/// Sends the messages that wait: those of a stream one after another, several streams at a time. A message that fails holds up its own
/// stream alone, and no sender: it is tried again after a pause.
/// </summary>
internal sealed class RouteSender(
    DestinationSpec spec, IDestination destination, RouteJournal journal, DeadLetters dead, RouteStatus status, SendPauses pauses,
    TimeProvider clock)
{
    private readonly Channel<Lane> _ready = Channel.CreateUnbounded<Lane>();
    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal); // by stream; its own lock
    private TaskCompletionSource _progress = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Until the next message is sent or given up.</summary>
    public Task Progress => Volatile.Read(ref _progress).Task;

    /// <summary>Adds messages behind those that wait.</summary>
    public void Add(IEnumerable<Notice> notices)
    {
        foreach (var notice in notices)
        {
            lock (_lanes)
            {
                if (!_lanes.TryGetValue(notice.StreamId, out var lane))
                {
                    _lanes.Add(notice.StreamId, lane = new Lane(notice.StreamId));
                }
                lane.Waiting.Enqueue(notice);
                if (lane.Waiting.Count == 1)
                {
                    _ready.Writer.TryWrite(lane);
                }
            }
        }
    }

    /// <summary>Until it is cancelled.</summary>
    public Task RunAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(Enumerable.Range(0, spec.Parallel).Select(_ => Task.Run(() => WorkAsync(cancellationToken), CancellationToken.None)));

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        await foreach (var lane in _ready.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            Notice notice;
            lock (_lanes)
            {
                notice = lane.Waiting.Peek();
            }
            lane.FirstAttempt ??= clock.GetTimestamp();
            lane.Attempts++;
            var outcome = await AttemptAsync(notice, cancellationToken).ConfigureAwait(false);
            var isOver = IsOver(outcome, lane);
            if (!isOver)
            {
                status.OnFailed(outcome.Reason);
            }
            if (!isOver || !TrySettle(notice, outcome, lane))
            {
                _ = ComeBackAsync(lane, PauseAfter(outcome, lane), cancellationToken);
                continue;
            }
            (lane.Attempts, lane.FirstAttempt) = (0, null);
            lock (_lanes)
            {
                lane.Waiting.Dequeue();
                if (lane.Waiting.Count > 0)
                {
                    _ready.Writer.TryWrite(lane); // behind the other streams
                }
                else
                {
                    _lanes.Remove(lane.Stream);
                }
            }
            Interlocked.Exchange(ref _progress, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        }
    }

    private bool IsOver(DeliveryOutcome outcome, Lane lane) =>
        outcome.Kind != DeliveryKind.Failed
        || (spec.GiveUpAfter != Timeout.InfiniteTimeSpan && clock.GetElapsedTime(lane.FirstAttempt!.Value) >= spec.GiveUpAfter);

    private async Task<DeliveryOutcome> AttemptAsync(Notice notice, CancellationToken cancellationToken)
    {
        try
        {
            return await destination.SendAsync(notice, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception unexpected) when (!cancellationToken.IsCancellationRequested)
        {
            return DeliveryOutcome.Failed($"{unexpected.GetType().Name}: {unexpected.Message}");
        }
    }

    /// <returns>False: it could not be written that the message is over; it is sent again.</returns>
    private bool TrySettle(Notice notice, DeliveryOutcome outcome, Lane lane)
    {
        try
        {
            if (outcome.Kind != DeliveryKind.Delivered)
            {
                dead.Add(notice, spec.Name, outcome.Reason, lane.Attempts);
            }
            journal.Done(notice.Id);
            status.OnState("");
        }
        catch (Exception broken) // of any kind: a worker that ends takes its stream's messages with it
        {
            status.OnState(broken.Message);
            return false;
        }
        if (outcome.Kind == DeliveryKind.Delivered)
        {
            status.OnSent(notice);
        }
        else
        {
            status.OnGivenUp($"{outcome.Reason} The message is in {dead.Path}.");
        }
        return true;
    }

    private TimeSpan PauseAfter(DeliveryOutcome outcome, Lane lane)
    {
        var pause = Math.Min(
            pauses.First.TotalSeconds * Math.Pow(2, Math.Min(lane.Attempts - 1, 30)), pauses.Longest.TotalSeconds);
        pause *= 0.5 + Random.Shared.NextDouble(); // receivers that come back are not met by all at once
        return TimeSpan.FromSeconds(Math.Max(pause, outcome.RetryAfter?.TotalSeconds ?? 0));
    }

    private async Task ComeBackAsync(Lane lane, TimeSpan pause, CancellationToken cancellationToken)
    {
        await Task.Delay(pause, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ready.Writer.TryWrite(lane);
    }

    /// <summary>Messages of one stream.</summary>
    private sealed class Lane(string stream)
    {
        public string Stream => stream;

        public Queue<Notice> Waiting { get; } = new();

        public int Attempts { get; set; } // of the first of them

        public long? FirstAttempt { get; set; }
    }
}

/// <summary>Between attempts.</summary>
/// <param name="First">After the first that fails; it doubles each time, and is varied by half.</param>
/// <param name="Longest">No pause is longer, but for what varies it and what a receiver asks for.</param>
internal sealed record SendPauses(TimeSpan First, TimeSpan Longest)
{
    public static readonly SendPauses Default = new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(2));
}
