namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>The streams of tenants, asked for once for all of this gateway's subscribers.</summary>
internal sealed class StreamListings(IGrainFactory grains, TimeProvider time)
{
    private const int PageStreams = 1_000;
    private static readonly TimeSpan Kept = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (long Asked, Task<List<StreamListing>> List)> _tenants = new(StringComparer.Ordinal);

    /// <param name="tenant">Whose.</param>
    /// <param name="maxAge">How long ago the list may have been asked for; zero: it is asked for now.</param>
    public Task<List<StreamListing>> ListAsync(string tenant, TimeSpan maxAge)
    {
        lock (_gate)
        {
            if (_tenants.TryGetValue(tenant, out var known)
                && time.GetElapsedTime(known.Asked) < maxAge
                && known.List is { IsFaulted: false, IsCanceled: false })
            {
                return known.List;
            }
            foreach (var old in _tenants.Where(entry => time.GetElapsedTime(entry.Value.Asked) > Kept).Select(entry => entry.Key).ToArray())
            {
                _tenants.Remove(old);
            }
            var list = ListAsync(grains.GetGrain<ITenantGrain>(tenant));
            _tenants[tenant] = (time.GetTimestamp(), list);
            return list;
        }
    }

    private static async Task<List<StreamListing>> ListAsync(ITenantGrain tenant)
    {
        var all = new List<StreamListing>();
        StreamListing[] page;
        do
        {
            page = await tenant.List(all.Count == 0 ? "" : all[^1].Name, PageStreams);
            all.AddRange(page);
        }
        while (page.Length == PageStreams);
        return all;
    }
}
