using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Tenants;

/// <summary>Live and lately ended streams of one tenant, by what they report.</summary>
public sealed class TenantGrain(IOptions<StreamGrainOptions> options, TimeProvider time) : Grain, ITenantGrain
{
    private readonly SortedDictionary<string, (StreamListing Listing, DateTimeOffset Reported)> _streams = new(StringComparer.Ordinal);

    // A stream that has missed three reports is gone with its silo.
    private readonly TimeSpan _patience = options.Value.Upkeep * 3;

    public Task Report(StreamListing listing)
    {
        _streams[listing.Name] = (listing, time.GetUtcNow());
        return Task.CompletedTask;
    }

    public Task Forget(string stream)
    {
        _streams.Remove(stream);
        return Task.CompletedTask;
    }

    public Task<StreamListing[]> List(string after, int count)
    {
        var oldest = time.GetUtcNow() - _patience;
        foreach (var name in _streams.Where(entry => entry.Value.Reported < oldest).Select(entry => entry.Key).ToArray())
        {
            _streams.Remove(name);
        }
        var page = _streams.Values
            .Select(entry => entry.Listing)
            .Where(listing => string.CompareOrdinal(listing.Name, after) > 0)
            .Take(count);
        return Task.FromResult(page.ToArray());
    }
}
