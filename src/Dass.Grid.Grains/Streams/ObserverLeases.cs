namespace Dass.Grid.Grains.Streams;

/// <summary>Observers of one stream. A gateway that dies does not unsubscribe, so each lease lapses unless it is renewed.</summary>
internal sealed class ObserverLeases(TimeProvider time, TimeSpan lease)
{
    private readonly Dictionary<ITagObserver, DateTimeOffset> _until = [];

    public ITagObserver[] All => [.. _until.Keys];

    public bool IsEmpty => _until.Count == 0;

    public void Renew(ITagObserver observer) => _until[observer] = time.GetUtcNow() + lease;

    public void Remove(ITagObserver observer) => _until.Remove(observer);

    /// <summary>Removes lapsed observers; returns how many.</summary>
    public int Expire()
    {
        var now = time.GetUtcNow();
        var lapsed = _until.Where(entry => entry.Value <= now).Select(entry => entry.Key).ToArray();
        foreach (var observer in lapsed)
        {
            _until.Remove(observer);
        }
        return lapsed.Length;
    }

    /// <summary>Calls every observer. One-way: no call is waited for, and a failure is the observer's own.</summary>
    public void Notify(Func<ITagObserver, Task> call)
    {
        foreach (var observer in _until.Keys)
        {
            call(observer).Ignore();
        }
    }
}
