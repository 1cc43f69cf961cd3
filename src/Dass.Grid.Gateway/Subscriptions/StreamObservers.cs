using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>One feed per stream that somebody listens to through this gateway.</summary>
internal sealed class StreamObservers(IGrainFactory grains, IOptions<GatewayOptions> options, TimeProvider time, ILogger<StreamObservers> logger)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<StreamId, StreamObserver> _feeds = [];

    public StreamObserver Join(StreamId id, SubscriberQueue queue)
    {
        lock (_gate)
        {
            if (!_feeds.TryGetValue(id, out var feed))
            {
                feed = new StreamObserver(id, grains, options.Value, time, logger);
                _feeds.Add(id, feed);
            }
            feed.Add(queue);
            return feed;
        }
    }

    public Task LeaveAsync(StreamObserver feed, SubscriberQueue queue)
    {
        lock (_gate)
        {
            feed.Remove(queue);
            if (!feed.IsEmpty)
            {
                return Task.CompletedTask;
            }
            _feeds.Remove(feed.Id);
        }
        return feed.StopAsync();
    }
}
