using Dass.Grid.Client;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Cli.Grid;

/// <summary>Events as they end, from now on; a broken connection is taken up where it was.</summary>
internal static class EventFollower
{
    /// <exception cref="RpcException">The grid refuses, or stays away for longer than the attempts last.</exception>
    public static async Task RunAsync(
        GridClient grid, EventSelection selection, Action<KeptEvent> show, CancellationToken cancellationToken)
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
        var begun = new Dictionary<string, (DateTimeOffset Time, string Model)>(StringComparer.Ordinal);
        var reconnect = new ReconnectOptions { GiveUpAfter = Timeout.InfiniteTimeSpan };
        await foreach (var answer in new StreamSubscription(grid, request, reconnect).RunAsync(cancellationToken).ConfigureAwait(false))
        {
            if (answer.Subscribed is { } subscribed)
            {
                begun[answer.StreamId] = (subscribed.CaptureTime.ToDateTimeOffset(), subscribed.Model.Name);
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
                show(new KeptEvent
                {
                    StreamId = answer.StreamId,
                    Onset = Timestamp.FromDateTimeOffset(time + TimeSpan.FromSeconds(sound.OnsetSeconds)),
                    Offset = Timestamp.FromDateTimeOffset(time + TimeSpan.FromSeconds(sound.OffsetSeconds)),
                    Model = model,
                    Event = sound,
                });
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
