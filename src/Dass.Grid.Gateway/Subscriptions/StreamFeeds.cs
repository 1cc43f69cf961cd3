using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>One feed per stream that somebody listens to through this gateway.</summary>
internal sealed class StreamFeeds(IGrainFactory grains, IOptions<GatewayOptions> options, TimeProvider time, ILogger<StreamFeeds> logger)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<StreamId, StreamFeed> _feeds = [];

    public StreamFeed Join(StreamId id, SubscriberQueue queue)
    {
        lock (_gate)
        {
            if (!_feeds.TryGetValue(id, out var feed))
            {
                feed = new StreamFeed(id, grains, options.Value, time, logger);
                _feeds.Add(id, feed);
            }
            feed.Add(queue);
            return feed;
        }
    }

    public Task LeaveAsync(StreamFeed feed, SubscriberQueue queue)
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
