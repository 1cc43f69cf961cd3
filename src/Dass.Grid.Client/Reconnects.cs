using Grpc.Core;

namespace Dass.Grid.Client;

/// <summary>Counts failed calls and pauses between them.</summary>
internal sealed class Reconnects(ReconnectOptions options)
{
    private int _failed; // calls in a row

    public void Progress() => _failed = 0;

    /// <returns>Whether another call may be tried.</returns>
    public bool Allows(Exception broken) => IsInterruption(broken) && _failed + 1 < options.MaxAttempts;

    public Task PauseAsync(Exception broken, CancellationToken cancellationToken)
    {
        options.Interrupted?.Invoke(broken);
        var pause = options.FirstPause * Math.Pow(2, _failed++) * (0.75 + Random.Shared.NextDouble() / 2);
        return Task.Delay(pause, options.Time, cancellationToken);
    }

    /// <summary>
    /// The grid answered so, or the connection ended before it could: within an answer the gRPC client has no status.
    /// </summary>
    private static bool IsInterruption(Exception broken) =>
        broken is HttpIOException
            or RpcException { StatusCode: StatusCode.Unavailable }
            or RpcException { Status.DebugException: IOException or HttpRequestException };
}
