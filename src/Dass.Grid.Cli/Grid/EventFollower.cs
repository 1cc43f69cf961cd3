using System.Diagnostics;
using System.Threading.Channels;
using Dass.Grid.Cli.Output;
using Dass.Grid.Client;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Cli.Grid;

/// <summary>Events as they end, from now on; a broken connection is taken up where it was.</summary>
internal static class EventFollower
{
    /// <summary>Events that wait while the kept ones are listed; more make the grid wait.</summary>
    private const int Waiting = 10_000;

    /// <summary>After so long the grid keeps what had ended before the subscription began.</summary>
    private static readonly TimeSpan Kept = TimeSpan.FromSeconds(3);

    /// <summary>What was heard while the kept ones were listed may be among them; what comes so long after is not.</summary>
    private static readonly TimeSpan Doubles = TimeSpan.FromSeconds(30);

    /// <param name="grid">The grid.</param>
    /// <param name="selection">Of which streams and labels.</param>
    /// <param name="kept">Shown first; read when the events of now are heard already, so that none falls between.</param>
    /// <param name="show">Takes each event, once.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RpcException">The grid refuses, or is away at the first call.</exception>
    public static async Task RunAsync(
        GridClient grid, EventSelection selection, IAsyncEnumerable<KeptEvent>? kept, Action<KeptEvent> show,
        CancellationToken cancellationToken)
    {
        // An address without a grid is a mistake now, and later a grid that is away.
        await grid.Tagging.ListModelsAsync(new ListModelsRequest(), cancellationToken: cancellationToken).ConfigureAwait(false);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var heard = Channel.CreateBounded<KeptEvent>(Waiting);
        var hearing = Task.CompletedTask;
        try
        {
            hearing = HearAsync(grid, selection, heard.Writer, ending.Token);
            var shown = new HashSet<(string Stream, string Id)>();
            if (kept is not null)
            {
                await Task.WhenAny(hearing, Task.Delay(Kept, cancellationToken)).ConfigureAwait(false);
                await foreach (var sound in kept.WithCancellation(cancellationToken).ConfigureAwait(false))
                {
                    shown.Add((sound.StreamId, sound.Event.Id));
                    show(sound);
                }
            }
            var listed = Stopwatch.GetTimestamp();
            await foreach (var sound in heard.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                if (Stopwatch.GetElapsedTime(listed) > Doubles)
                {
                    shown.Clear();
                }
                if (!shown.Remove((sound.StreamId, sound.Event.Id)))
                {
                    show(sound);
                }
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await hearing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task HearAsync(
        GridClient grid, EventSelection selection, ChannelWriter<KeptEvent> heard, CancellationToken cancellationToken)
    {
        try
        {
            await SubscribeAsync(grid, selection, heard, cancellationToken).ConfigureAwait(false);
            heard.Complete();
        }
        catch (Exception failure)
        {
            heard.Complete(failure);
        }
    }

    private static async Task SubscribeAsync(
        GridClient grid, EventSelection selection, ChannelWriter<KeptEvent> heard, CancellationToken cancellationToken)
    {
        var request = new SubscribeRequest
        {
            StreamIds = { selection.StreamIds },
            Prefix = selection.Prefix,
            AllStreams = selection.StreamIds.Count == 0 && selection.Prefix.Length == 0,
            EventsOnly = true,
            Filter = new TagFilter { Top = 0, Labels = { selection.Labels }, MinPeakScore = selection.MinPeakScore },
            Slow = SlowPolicy.KeepEvents,
        };
        var interruption = ""; // the last, shown once
        var reconnect = new ReconnectOptions
        {
            GiveUpAfter = Timeout.InfiniteTimeSpan,
            Interrupted = broken =>
            {
                var note = StreamFeeder.Interruption("of several", broken);
                if (interruption != note)
                {
                    Terminal.Note(interruption = note);
                }
            },
        };
        var begun = new Dictionary<string, (DateTimeOffset Time, string Model)>(StringComparer.Ordinal);
        await foreach (var answer in new StreamSubscription(grid, request, reconnect).RunAsync(cancellationToken).ConfigureAwait(false))
        {
            interruption = "";
            if (answer.Subscribed is { } subscribed)
            {
                begun[answer.StreamId] = (subscribed.CaptureTime.ToDateTimeOffset(), subscribed.Model.Name);
            }
            if (answer.Dropped is { } dropped)
            {
                Terminal.Note(
                    $"{dropped.Chunks} chunks of stream {answer.StreamId} were missed; 'dass events --from …' lists what ended in them.");
            }
            var events = answer switch
            {
                { Tags: { } tags } => tags.Events,
                { Gap: { } gap } => gap.Events,
                { NewModel: { } change } => change.Events,
                { Ended: { } ended } => ended.Events,
                _ => [],
            };
            var (time, model) = begun.GetValueOrDefault(answer.StreamId);
            foreach (var sound in events.Where(sound => sound.Kind == EventKind.Closed))
            {
                var closed = new KeptEvent
                {
                    StreamId = answer.StreamId,
                    Onset = Timestamp.FromDateTimeOffset(time + TimeSpan.FromSeconds(sound.OnsetSeconds)),
                    Offset = Timestamp.FromDateTimeOffset(time + TimeSpan.FromSeconds(sound.OffsetSeconds)),
                    Model = model,
                    Event = sound,
                };
                await heard.WriteAsync(closed, cancellationToken).ConfigureAwait(false);
            }
            if (answer.NewModel is { } next)
            {
                begun[answer.StreamId] = (time, next.Model.Name);
            }
            if (answer.Ended is not null)
            {
                begun.Remove(answer.StreamId);
            }
        }
    }
}
