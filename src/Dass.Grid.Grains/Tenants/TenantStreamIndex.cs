using System.Text.Json.Serialization;
using Dass.Grid.Grains.Storage;
using Orleans.Storage;

namespace Dass.Grid.Grains.Tenants;

/// <summary>
/// Which streams of a tenant have a record in the store, or will soon; itself in the store: in pages, so that a change costs one page
/// however many there are. Used on the grain's own scheduler only; one load or write at a time.
/// </summary>
/// <param name="storage">The store.</param>
/// <param name="most">Streams.</param>
internal sealed class TenantStreamIndex(IGrainStorage storage, int most)
{
    private const int PageStreams = 4_096; // 1 MB with the longest names

    private readonly StoredPages<Dictionary<string, TenantStreamEntry>> _pages =
        new(storage, number => $"streams-{number}", () => []);
    private readonly Dictionary<string, StoredPage<Dictionary<string, TenantStreamEntry>>> _pageOf = new(StringComparer.Ordinal);

    /// <summary>Before it is, nothing is added and nothing written.</summary>
    public bool IsLoaded { get; private set; }

    public bool IsChanged => _pages.All.Any(page => page.IsChanged);

    /// <param name="grain">Whose it is.</param>
    public async Task<IReadOnlyList<KeyValuePair<string, TenantStreamEntry>>> LoadAsync(GrainId grain)
    {
        await _pages.LoadAsync(grain);
        foreach (var page in _pages.All)
        {
            foreach (var name in page.Value.Keys)
            {
                _pageOf[name] = page;
            }
        }
        IsLoaded = true;
        return [.. _pages.All.SelectMany(page => page.Value)];
    }

    /// <returns>False: there is no room.</returns>
    public bool TryAdd(string name, TenantStreamEntry entry)
    {
        if (!_pageOf.TryGetValue(name, out var page))
        {
            if (_pageOf.Count >= most)
            {
                return false;
            }
            page = _pages.WithRoom(streams => streams.Count < PageStreams);
            _pageOf.Add(name, page);
        }
        page.IsChanged |= page.Value.GetValueOrDefault(name) != entry;
        page.Value[name] = entry;
        return true;
    }

    public void Remove(string name)
    {
        if (_pageOf.Remove(name, out var page))
        {
            page.Value.Remove(name);
            page.IsChanged = true;
        }
    }

    /// <exception cref="InconsistentStateException">Another activation has written.</exception>
    public async Task WriteAsync()
    {
        await _pages.TrimAsync(streams => streams.Count == 0);
        await _pages.WriteAsync();
    }
}

/// <summary>A stream in the index.</summary>
/// <param name="Model">Its model.</param>
/// <param name="Begun">When.</param>
/// <param name="Ended">Whether it has ended.</param>
/// <param name="Due">When it is to be looked up; null: it reports.</param>
internal sealed record TenantStreamEntry(
    [property: JsonPropertyName("m")] string Model,
    [property: JsonPropertyName("b")] DateTimeOffset Begun,
    [property: JsonPropertyName("e"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Ended,
    [property: JsonPropertyName("d"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] DateTimeOffset? Due);
