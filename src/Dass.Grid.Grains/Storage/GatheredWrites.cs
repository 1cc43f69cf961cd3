using Orleans.Storage;

namespace Dass.Grid.Grains.Storage;

/// <summary>Gathers a grain's changes and writes them together. Used on the grain's own scheduler only.</summary>
/// <param name="write">Writes everything as it is when it is called.</param>
/// <param name="gather">How long changes are gathered, in real time: a grain that stops waits for it.</param>
/// <param name="onFenced">Called when another activation has written meanwhile: this one must not answer any more.</param>
internal sealed class GatheredWrites(Func<Task> write, TimeSpan gather, Action onFenced)
{
    private Task? _next; // waits and then writes; null: none is waiting
    private Task _running = Task.CompletedTask;

    /// <summary>Completes when what has been changed so far is written.</summary>
    /// <exception cref="InconsistentStateException">Another activation has written.</exception>
    public Task WriteAsync() => _next ??= NextAsync();

    private async Task NextAsync()
    {
        await Task.Delay(gather);
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _next = null;
        await (_running = RunAsync());
    }

    private async Task RunAsync()
    {
        try
        {
            await write();
        }
        catch (InconsistentStateException)
        {
            onFenced();
            throw;
        }
    }
}
