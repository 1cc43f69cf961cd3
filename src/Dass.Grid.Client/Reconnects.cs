using Grpc.Core;

namespace Dass.Grid.Client;

/// <summary>Counts failed calls and pauses between them.</summary>
internal sealed class Reconnects(ReconnectOptions options)
{
    /// <summary>A call that the grid has answered and that has stood for so long was no failed one, however little it brought.</summary>
    private static readonly TimeSpan Stands = TimeSpan.FromSeconds(10);

    private int _failed; // calls in a row
    private long _since; // when the first of them failed
    private long? _answered; // when the grid answered the call that is under way

    public void Progress() => _failed = 0;

    /// <summary>The grid has answered the call that is under way, if only to refuse it.</summary>
    public void Answered() => _answered = options.Time.GetTimestamp();

    /// <summary>The call is over.</summary>
    /// <returns>How long it stood after the grid's answer.</returns>
    public TimeSpan Ended()
    {
        var stood = _answered is { } answered ? options.Time.GetElapsedTime(answered) : TimeSpan.Zero;
        _answered = null;
        if (stood >= Stands)
        {
            Progress();
        }
        return stood;
    }

    /// <param name="broken">What ended the call.</param>
    /// <param name="first">No call has come through yet.</param>
    /// <returns>Whether another call may be tried.</returns>
    public bool Allows(Exception broken, bool first) =>
        IsInterruption(broken) && (options.GiveUpAfter is null ? !first && _failed + 1 < options.MaxAttempts : HasPatience());

    /// <returns>Whether there is patience left for a grid that refuses.</returns>
    public bool HasPatience() =>
        _failed == 0 || options.GiveUpAfter == Timeout.InfiniteTimeSpan || options.Time.GetElapsedTime(_since) < options.GiveUpAfter;

    /// <summary>Uses the attempt that needs no pause: the first after progress.</summary>
    public bool TryAtOnce()
    {
        if (_failed > 0)
        {
            return false;
        }
        Fail();
        return true;
    }

    public Task PauseAsync(Exception broken, CancellationToken cancellationToken)
    {
        options.Interrupted?.Invoke(broken);
        var pause = Math.Min(options.FirstPause.TotalSeconds * Math.Pow(2, Math.Min(_failed, 30)), options.LongestPause.TotalSeconds);
        Fail();
        return Task.Delay(
            TimeSpan.FromSeconds(pause * (0.75 + Random.Shared.NextDouble() / 2)), options.Time, cancellationToken);
    }

    private void Fail()
    {
        if (_failed++ == 0)
        {
            _since = options.Time.GetTimestamp();
        }
    }

    /// <summary>The grid answered so, or the connection ended before it could.</summary>
    private static bool IsInterruption(Exception broken) =>
        broken is RpcException { StatusCode: StatusCode.Unavailable }
            or RpcException { Status.DebugException: IOException or HttpRequestException };
}
