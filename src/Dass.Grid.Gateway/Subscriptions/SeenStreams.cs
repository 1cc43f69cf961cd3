namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>Which streams a subscription of several listens to, or has heard to their end: none of them is taken up twice.</summary>
/// <remarks>What is over is forgotten when the tenant has not listed it for long: its size does not grow with the subscription's age.</remarks>
internal sealed class SeenStreams(TimeProvider time)
{
    /// <summary>A list that has been lost with its silo is whole again sooner.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, Heard> _streams = new(StringComparer.Ordinal);

    public int Count => _streams.Count;

    /// <summary>Whether this stream, not another one of before that had its name, has been taken up. It counts as listed now.</summary>
    public bool Contains(StreamListing listing)
    {
        if (!_streams.TryGetValue(listing.Name, out var heard) || heard.Begun != listing.Begun)
        {
            return false;
        }
        heard.Listed = time.GetTimestamp();
        return true;
    }

    /// <param name="listing">The stream.</param>
    /// <param name="ear">Listens to it, and completes when it is over.</param>
    public void Add(StreamListing listing, Task ear) => _streams[listing.Name] = new Heard(listing.Begun, ear) { Listed = time.GetTimestamp() };

    public void ForgetOld()
    {
        foreach (var (name, heard) in _streams)
        {
            if (heard.Ear.IsCompleted && time.GetElapsedTime(heard.Listed) > Memory)
            {
                _streams.Remove(name); // which a dictionary allows while it is enumerated
            }
        }
    }

    private sealed class Heard(DateTimeOffset begun, Task ear)
    {
        public DateTimeOffset Begun => begun;

        public Task Ear => ear;

        public long Listed { get; set; }
    }
}
