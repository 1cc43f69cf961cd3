using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>One observer per stream that has subscribers at this gateway.</summary>
internal sealed class StreamObservers
{
    private readonly IGrainFactory _grains;
    private readonly GatewayOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Dictionary<StreamId, StreamObserver> _observers = [];

    public StreamObservers(
        IGrainFactory grains, IOptions<GatewayOptions> options, GatewayInstruments instruments, TimeProvider time,
        ILogger<StreamObservers> logger)
    {
        (_grains, _options, _time, _logger) = (grains, options.Value, time, logger);
        instruments.SubscriberDepth = () => Depth;
    }

    private int Depth
    {
        get
        {
            lock (_gate)
            {
                return _observers.Count == 0 ? 0 : _observers.Values.Max(observer => observer.Depth);
            }
        }
    }

    public StreamObserver Add(StreamId id, SubscriberQueue queue)
    {
        lock (_gate)
        {
            if (!_observers.TryGetValue(id, out var observer))
            {
                observer = new StreamObserver(id, _grains, _options, _time, _logger);
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
