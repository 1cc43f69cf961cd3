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
internal sealed class LiveEvents(
    GridClient grid, TimeProvider clock, Action<OpenedEvent> opened, Action<ClosedEvent> closed, Action interrupted)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private readonly Dictionary<string, DateTime> _begin = new(StringComparer.Ordinal); // of streams: when their first sample was heard

    /// <summary>Why the grid does not let it subscribe. Empty: it does, or is away.</summary>
    public string Refusal { get; private set; } = "";

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
            try
            {
                var answers = new StreamSubscription(grid, request, reconnect).RunAsync(cancellationToken);
                await foreach (var answer in answers.ConfigureAwait(false))
                {
                    Refusal = "";
                    See(answer);
                }
            }
            catch (RpcException refused) when (!cancellationToken.IsCancellationRequested)
            {
                Refusal = refused.Status.Detail;
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            interrupted();
            await Task.Delay(Pause, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
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
