using System.Collections.Concurrent;

namespace Dass.Grid.Gateway;

/// <summary>
/// Tenants as values of a metric's tag: the first ones by name, all others as "other", so that series stay few. Thread-safe.
/// </summary>
/// <param name="max">Tenants that have a series of their own.</param>
internal sealed class TenantLabels(int max)
{
    public const string Other = "other";

    private readonly ConcurrentDictionary<string, byte> _named = new(StringComparer.Ordinal);

    public string For(string tenant)
    {
        if (_named.ContainsKey(tenant))
        {
            return tenant;
        }
        // A few more at once would do no harm.
        return _named.Count < max && _named.TryAdd(tenant, 0) ? tenant : Other;
    }
}
