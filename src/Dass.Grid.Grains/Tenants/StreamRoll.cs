using System.Text.Json.Serialization;
using Orleans.Storage;

namespace Dass.Grid.Grains.Tenants;

/// <summary>
/// Which streams of a tenant have a record in the store, or will soon, itself in the store: in pages, so that a change costs one page however many there are.
/// Used on the grain's own scheduler only; one load or write at a time.
/// </summary>
/// <param name="storage">The store.</param>
/// <param name="most">Streams.</param>
internal sealed class StreamRoll(IGrainStorage storage, int most)
{
    private const int PageStreams = 4_096; // 1 MB with the longest names

    private readonly List<Page> _pages = [];
    private readonly Dictionary<string, Page> _pageOf = new(StringComparer.Ordinal);
    private GrainId _grain;

    /// <summary>Nothing is entered before, and nothing written.</summary>
    public bool IsLoaded { get; private set; }

    public bool IsChanged => _pages.Exists(page => page.IsChanged);

    /// <param name="grain">Whose it is.</param>
    public async Task<IReadOnlyList<KeyValuePair<string, RollEntry>>> LoadAsync(GrainId grain)
    {
        _grain = grain;
        var pages = new List<Page>();
        while (await ReadAsync(pages.Count) is { } page)
        {
            pages.Add(page);
        }
        _pages.AddRange(pages);
        foreach (var page in pages)
        {
            foreach (var name in page.Streams.Keys)
            {
                _pageOf[name] = page;
            }
        }
        IsLoaded = true;
        return [.. pages.SelectMany(page => page.Streams)];
    }

    /// <returns>False: there is no room.</returns>
    public bool Enter(string name, RollEntry entry)
    {
        if (!_pageOf.TryGetValue(name, out var page))
        {
            if (_pageOf.Count >= most)
            {
                return false;
            }
            page = _pages.Find(each => each.Streams.Count < PageStreams);
            if (page is null)
            {
                _pages.Add(page = new Page(StoreOf(_pages.Count), []));
            }
            _pageOf.Add(name, page);
        }
        page.IsChanged |= page.Streams.GetValueOrDefault(name) != entry;
        page.Streams[name] = entry;
        return true;
    }

    public void Remove(string name)
    {
        if (_pageOf.Remove(name, out var page))
        {
            page.Streams.Remove(name);
            page.IsChanged = true;
        }
    }

    /// <exception cref="InconsistentStateException">Another activation has written.</exception>
    public async Task WriteAsync()
    {
        while (_pages.Count > 0 && _pages[^1].Streams.Count == 0)
        {
            var last = _pages[^1];
            _pages.Remove(last);
            await last.Store.ClearAsync();
        }
        foreach (var page in _pages.Where(page => page.IsChanged).ToArray())
        {
            page.IsChanged = false;
            try
            {
                await page.Store.WriteAsync(page.Streams);
            }
            catch
            {
                page.IsChanged = true;
                throw;
            }
        }
    }

    private async Task<Page?> ReadAsync(int number)
    {
        var store = StoreOf(number);
        return await store.ReadAsync() is { } streams ? new Page(store, streams) : null;
    }

    private StoredJson<Dictionary<string, RollEntry>> StoreOf(int number) => new(storage, $"streams-{number}", _grain);

    private sealed class Page(StoredJson<Dictionary<string, RollEntry>> store, Dictionary<string, RollEntry> streams)
    {
        public StoredJson<Dictionary<string, RollEntry>> Store => store;

        public Dictionary<string, RollEntry> Streams => streams;

        public bool IsChanged { get; set; }
    }
}

/// <summary>A stream on the roll.</summary>
/// <param name="Model">Its model.</param>
/// <param name="Begun">When.</param>
/// <param name="Ended">Whether it has ended.</param>
/// <param name="Due">When it is to be looked up; null: it reports.</param>
internal sealed record RollEntry(
    [property: JsonPropertyName("m")] string Model,
    [property: JsonPropertyName("b")] DateTimeOffset Begun,
    [property: JsonPropertyName("e"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Ended,
    [property: JsonPropertyName("d"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] DateTimeOffset? Due);
