namespace Dass.Grid.Grains.Placement;

/// <summary>Whether an administrator wants this silo to be without streams. Thread-safe.</summary>
public sealed class DrainOrder
{
    private readonly Lock _gate = new();
    private TaskCompletionSource _given = NewSource();

    public bool IsGiven => _given.Task.IsCompleted;

    public void Set(bool given)
    {
        lock (_gate)
        {
            if (given)
            {
                _given.TrySetResult();
            }
            else if (_given.Task.IsCompleted)
            {
                _given = NewSource();
            }
        }
    }

    /// <summary>Completes when the order is given, at once if it is.</summary>
    public Task GivenAsync(CancellationToken cancellationToken) => _given.Task.WaitAsync(cancellationToken);

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
