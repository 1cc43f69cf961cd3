using Orleans.Storage;

namespace Dass.Grid.Grains.Storage;

/// <summary>
/// What a grain keeps in the store in pages, so that a change costs the page that it is on, however many there are. Used on the grain's own
/// scheduler only; one load or write at a time.
/// </summary>
/// <param name="storage">The store.</param>
/// <param name="nameOf">Of the state that holds the page of a number, from 0 on without a gap.</param>
/// <param name="create">Makes an empty page.</param>
internal sealed class StoredPages<T>(IGrainStorage storage, Func<int, string> nameOf, Func<T> create)
    where T : class
{
    private readonly List<StoredPage<T>> _pages = [];
    private GrainId _grain;

    public IReadOnlyList<StoredPage<T>> All => _pages;

    /// <param name="grain">Whose they are.</param>
    public async Task LoadAsync(GrainId grain)
    {
        _grain = grain;
        var pages = new List<StoredPage<T>>();
        while (StoreOf(pages.Count) is var store && await store.ReadAsync() is var value && store.IsStored)
        {
            pages.Add(new StoredPage<T>(store, value ?? create()));
        }
        _pages.AddRange(pages);
    }

    /// <summary>The first page that has room, or a new one.</summary>
    public StoredPage<T> WithRoom(Func<T, bool> hasRoom)
    {
        var page = _pages.Find(page => hasRoom(page.Value));
        if (page is null)
        {
            _pages.Add(page = new StoredPage<T>(StoreOf(_pages.Count), create()));
        }
        return page;
    }

    /// <summary>Writes the pages that have changed. What is not written because of an error is still changed.</summary>
    /// <exception cref="InconsistentStateException">Another activation has written: this one must not answer any more.</exception>
    public async Task WriteAsync()
    {
        foreach (var page in _pages.Where(page => page.IsChanged).ToArray())
        {
            await page.WriteAsync();
        }
    }

    /// <summary>Takes pages away, from the last one on, as long as they can be spared: a crash leaves no gap.</summary>
    public async Task TrimAsync(Func<T, bool> isSpare)
    {
        while (_pages.Count > 0 && isSpare(_pages[^1].Value))
        {
            var last = _pages[^1];
            _pages.Remove(last);
            await last.ClearAsync();
        }
    }

    private StoredJson<T> StoreOf(int number) => new(storage, nameOf(number), _grain);
}

/// <summary>One of <see cref="StoredPages{T}"/>.</summary>
internal sealed class StoredPage<T>(StoredJson<T> store, T value)
    where T : class
{
    public T Value { get; set; } = value;

    /// <summary>Since it was written last.</summary>
    public bool IsChanged { get; set; }

    public async Task WriteAsync()
    {
        IsChanged = false;
        try
        {
            await store.WriteAsync(Value);
        }
        catch
        {
            IsChanged = true;
            throw;
        }
    }

    public Task ClearAsync() => store.ClearAsync();
}
