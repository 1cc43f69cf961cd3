using Orleans.Storage;

namespace Dass.Grid.Grains.Storage;

/// <summary>Whether the store answers, as this silo's reads and writes find it. Any thread may ask.</summary>
/// <param name="storage">The store.</param>
/// <param name="time">The silo's clock.</param>
public sealed class StoreHealth(IGrainStorage storage, TimeProvider time)
{
    private static readonly GrainId Nothing = GrainId.Create("probe", "0"); // no record has this key

    private readonly Lock _gate = new();
    private long? _awaySince;
    private long _reachedAt = time.GetTimestamp();
    private string _failure = "";

    /// <summary>How long no read or write has come through since the first that failed, and why; zero: the store answers.</summary>
    public (TimeSpan Away, string Failure) Current
    {
        get
        {
            lock (_gate)
            {
                return _awaySince is { } since ? (time.GetElapsedTime(since), _failure) : (TimeSpan.Zero, "");
            }
        }
    }

    /// <summary>Reads a record that does not exist, unless the store has answered less than <paramref name="fresh"/> ago.</summary>
    public async Task ProbeAsync(TimeSpan fresh, TimeSpan patience, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_awaySince is null && time.GetElapsedTime(_reachedAt) < fresh)
            {
                return;
            }
        }
        try
        {
            var record = new GrainState<StoredBytes>(new StoredBytes());
            await storage.ReadStateAsync("probe", Nothing, record).WaitAsync(patience, cancellationToken);
            OnReached();
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            OnFailed(failure);
        }
    }

    internal void OnReached()
    {
        lock (_gate)
        {
            (_awaySince, _reachedAt) = (null, time.GetTimestamp());
        }
    }

    internal void OnFailed(Exception failure)
    {
        lock (_gate)
        {
            (_awaySince, _failure) = (_awaySince ?? time.GetTimestamp(), failure.Message);
        }
    }
}
