using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Notify.Delivery;

/// <summary>One destination for all rules that lead to it: a broker sees one client, which is there as long as one of them is.</summary>
/// <param name="clock">Of pauses.</param>
internal sealed class SharedDestinations(TimeProvider clock)
{
    private readonly Dictionary<string, Shared> _open = new(StringComparer.Ordinal); // its own lock

    /// <param name="spec">What it is.</param>
    /// <returns>Ends for its rule when it is disposed of.</returns>
    public IDestination Open(DestinationSpec spec)
    {
        var key = $"{spec.Name} {spec.Definition}";
        lock (_open)
        {
            if (!_open.TryGetValue(key, out var shared))
            {
                _open.Add(key, shared = new Shared(IDestination.Create(spec, isTrial: false, clock)));
            }
            shared.Users++;
            return new Share(this, key, shared);
        }
    }

    private async ValueTask CloseAsync(string key, Shared shared)
    {
        lock (_open)
        {
            if (--shared.Users > 0)
            {
                return;
            }
            _open.Remove(key);
        }
        await shared.Destination.DisposeAsync().ConfigureAwait(false);
    }

    private sealed class Shared(IDestination destination)
    {
        public IDestination Destination => destination;

        public int Users { get; set; }
    }

    private sealed class Share(SharedDestinations all, string key, Shared shared) : IDestination
    {
        public Task<DeliveryOutcome> SendAsync(Notice notice, CancellationToken cancellationToken) =>
            shared.Destination.SendAsync(notice, cancellationToken);

        public ValueTask DisposeAsync() => all.CloseAsync(key, shared);
    }
}
