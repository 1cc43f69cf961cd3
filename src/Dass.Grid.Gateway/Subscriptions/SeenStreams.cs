namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>The streams that a subscription of several has, or has had to their end: none is taken up twice.</summary>
/// <remarks>
/// An ended stream is removed when its tenant has not listed it for long: the size does not grow with the subscription's age.
/// </remarks>
internal sealed class SeenStreams(TimeProvider time)
{
    /// <summary>A list that has been lost with its silo is whole again sooner.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(10);

    private readonly Dictionary<string, Seen> _streams = new(StringComparer.Ordinal);

    public int Count => _streams.Count;

    /// <summary>
    /// Whether this stream is followed, or has been taken up and was there; not another one of before that had its name. It counts as
    /// listed now.
    /// </summary>
    public bool Contains(StreamListing listing)
    {
        // While one is followed, it is by its name: a silo that dies before a client knows when its stream began gives the same stream a
        // second birth, and a second subscriber would pass on each chunk again. When it is over, its end says with which it ended.
        if (!_streams.TryGetValue(listing.Name, out var seen) || !seen.Is(listing.Begun))
        {
            return false;
        }
        seen.Listed = time.GetTimestamp();
        return true;
    }

    /// <param name="listing">The stream.</param>
    /// <param name="subscriber">
    /// Subscribes to it, and completes when it is over, with when the stream had begun that ended. Null: the stream was listed, but not
    /// there; its client may be about to begin it again.
    /// </param>
    public void Add(StreamListing listing, Task<DateTimeOffset?> subscriber) =>
        _streams[listing.Name] = new Seen(listing.Begun, subscriber) { Listed = time.GetTimestamp() };

    public void RemoveOld()
    {
        foreach (var (name, seen) in _streams)
        {
            if (seen.Subscriber.IsCompleted && time.GetElapsedTime(seen.Listed) > Memory)
            {
                _streams.Remove(name); // which a dictionary allows while it is enumerated
            }
        }
    }

    private sealed class Seen(DateTimeOffset begun, Task<DateTimeOffset?> subscriber)
    {
        public Task Subscriber => subscriber;

        public bool Is(DateTimeOffset other) =>
            !subscriber.IsCompletedSuccessfully || (subscriber.Result is { } ended && (other == ended || other == begun));

        public long Listed { get; set; }
    }
}
