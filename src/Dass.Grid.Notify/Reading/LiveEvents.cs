using Dass.Grid.Client;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Notify.Reading;

/// <summary>
/// Sees events open and close, as a subscriber of all streams. It may miss some: that a message is early depends on it, that one is sent
/// does not.
/// </summary>
/// <param name="grid">The grid.</param>
/// <param name="clock">Of pauses.</param>
/// <param name="opened">Receives events that have opened.</param>
/// <param name="closed">Receives events that have closed.</param>
/// <param name="interrupted">Is called when some may have been missed.</param>
/// <param name="note">Receives what a person should know: that the grid refuses, and that it does no longer.</param>
internal sealed class LiveEvents(
    GridClient grid, TimeProvider clock, Action<OpenedEvent> opened, Action<ClosedEvent> closed, Action interrupted, Action<string> note)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RefusedPause = TimeSpan.FromMinutes(1);
    private readonly Dictionary<string, DateTime> _begin = new(StringComparer.Ordinal); // of streams: when their first sample was heard

    private string _refusal = ""; // why the grid does not let it subscribe; empty: it does, or is away

    /// <summary>Until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var request = new SubscribeRequest { AllStreams = true, EventsOnly = true, Filter = new TagFilter { Top = 0 } };
        var reconnect = new ReconnectOptions
        {
            GiveUpAfter = Timeout.InfiniteTimeSpan, LongestPause = Pause, Time = clock, Interrupted = _ => interrupted(),
        };
        while (!cancellationToken.IsCancellationRequested)
        {
            var (began, isServed) = (clock.GetTimestamp(), false);
            try
            {
                var answers = new StreamSubscription(grid, request, reconnect).RunAsync(cancellationToken);
                await foreach (var answer in answers.ConfigureAwait(false))
                {
                    isServed = true;
                    Tell("");
                    See(answer);
                }
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception refused)
            {
                Tell((refused as RpcException)?.Status.Detail ?? refused.Message);
            }
            isServed |= clock.GetElapsedTime(began) > Pause; // a call without streams has no answers
            if (isServed)
            {
                interrupted();
            }
            await Task.Delay(isServed ? Pause : RefusedPause, clock, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Tell(string refusal)
    {
        if (refusal == _refusal)
        {
            return;
        }
        _refusal = refusal;
        note(refusal.Length == 0
            ? "The grid tells of events at once again."
            : "The grid does not tell of events at once: messages are some seconds later, those of sounds that begin come when they end. "
                + refusal);
    }

    private void See(SubscribeResponse answer)
    {
        switch (answer)
        {
            case { Subscribed.CaptureTime: { } begin }:
                _begin[answer.StreamId] = begin.ToDateTime();
                break;
            case { Tags: { } tags }:
                See(answer.StreamId, tags.Events);
                break;
            case { Gap: { } gap }:
                See(answer.StreamId, gap.Events);
                break;
            case { NewModel: { } change }:
                See(answer.StreamId, change.Events);
                break;
            case { Events: { } more }:
                See(answer.StreamId, more.Events);
                break;
            case { Dropped: not null }:
                interrupted();
                break;
            case { Ended: { } ended }:
                See(answer.StreamId, ended.Events);
                _begin.Remove(answer.StreamId);
                break;
        }
    }

    private void See(string stream, IEnumerable<Event> events)
    {
        if (!_begin.TryGetValue(stream, out var begin))
        {
            return;
        }
        foreach (var sound in events)
        {
            var (onset, end) = (begin + TimeSpan.FromSeconds(sound.OnsetSeconds), begin + TimeSpan.FromSeconds(sound.OffsetSeconds));
            switch (sound.Kind)
            {
                case EventKind.Opened:
                    opened(new OpenedEvent(stream, sound, onset, end));
                    break;
                case EventKind.Closed:
                    closed(new ClosedEvent(stream, sound.Id, sound.LabelId, sound.Label, sound.PeakScore, onset, end));
                    break;
            }
        }
    }
}
