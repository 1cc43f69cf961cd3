using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>One observer per stream that has subscribers at this gateway.</summary>
internal sealed class StreamObservers(
    IGrainFactory grains, IOptions<GatewayOptions> options, TimeProvider time, ILogger<StreamObservers> logger)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<StreamId, StreamObserver> _observers = [];

    public StreamObserver Add(StreamId id, SubscriberQueue queue)
    {
        lock (_gate)
        {
            if (!_observers.TryGetValue(id, out var observer))
            {
                observer = new StreamObserver(id, grains, options.Value, time, logger);
                _observers.Add(id, observer);
            }
            observer.Add(queue);
            return observer;
        }
    }

    public Task RemoveAsync(StreamObserver observer, SubscriberQueue queue)
    {
        lock (_gate)
        {
            observer.Remove(queue);
            if (!observer.IsEmpty)
            {
                return Task.CompletedTask;
            }
            _observers.Remove(observer.Id);
        }
        return observer.StopAsync();
    }
}
