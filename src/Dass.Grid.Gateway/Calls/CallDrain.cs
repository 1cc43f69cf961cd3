using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Dass.Grid.Gateway.Calls;

/// <summary>
/// Lets a stopping gateway answer before its connections close: calls are cancelled, and the server begins to stop only when their last
/// bytes have had time to leave, or when the host's shutdown timeout is over.
/// </summary>
internal sealed class CallDrain(IHostApplicationLifetime lifetime, TimeProvider time) : IHostedLifecycleService
{
    // The server hands a call's last frames to its writer and completes the call before they are written; closing then would cut them off.
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(500);

    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _live = 1; // this service itself, until the gateway stops

    public void Add(HttpContext call)
    {
        Interlocked.Increment(ref _live);
        call.Response.OnCompleted(() =>
        {
            Remove();
            return Task.CompletedTask;
        });
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        lifetime.StopApplication(); // which ends the calls; a stop that does not come from a signal would do that only afterwards
        Remove();
        if (!_drained.Task.IsCompleted)
        {
            await _drained.Task.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.Delay(Linger, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private void Remove()
    {
        if (Interlocked.Decrement(ref _live) == 0)
        {
            _drained.TrySetResult();
        }
    }
}
