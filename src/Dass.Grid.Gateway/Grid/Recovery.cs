using Dass.Grid.Gateway.Protocol;

namespace Dass.Grid.Gateway.Grid;

/// <summary>What a call does while its stream's silo is gone: waits a little longer each time, and gives up when the patience is over.</summary>
internal sealed class Recovery(GridAccess shared)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(0.5);

    private readonly long _began = shared.Time.GetTimestamp();
    private TimeSpan _pause = FirstPause;

    public TimeSpan Elapsed => shared.Time.GetElapsedTime(_began);

    /// <summary>Whether the stream may still be found elsewhere, or later.</summary>
    public static bool IsWorthWaiting(Exception failure) => failure is OrleansException or TimeoutException or TransientRefusalException;

    /// <summary>Asks again while no silo answers.</summary>
    public static async Task<T> AskAsync<T>(GridAccess shared, Func<Task<T>> question, CancellationToken cancellationToken)
    {
        for (Recovery? recovery = null; ;)
        {
            try
            {
                return await question();
            }
            catch (Exception failure) when (failure is OrleansException or TimeoutException && !cancellationToken.IsCancellationRequested)
            {
                recovery ??= new Recovery(shared);
                await recovery.PauseAsync(failure, cancellationToken);
            }
        }
    }

    /// <exception cref="Exception">The failure itself, when there is no more patience.</exception>
    public async Task PauseAsync(Exception failure, CancellationToken cancellationToken)
    {
        if (Elapsed + _pause > shared.Options.RecoveryPatience)
        {
            throw failure is TransientRefusalException { Refusal: var refusal } ? StatusMapping.Of(refusal) : failure;
        }
        await Task.Delay(_pause, shared.Time, cancellationToken);
        _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
    }
}

/// <summary>A refusal that says where the stream stands, not what the client did wrong.</summary>
internal sealed class TransientRefusalException(Refusal refusal) : Exception(refusal.Message)
{
    public Refusal Refusal => refusal;

    /// <summary>The value; a refusal that another silo or a later moment may not give is thrown as <see cref="TransientRefusalException"/>.</summary>
    public static T OrThrow<T>(Outcome<T> outcome)
        where T : class
    {
        if (outcome.Has(out var value, out var refusal))
        {
            return value;
        }
        throw refusal.Code is RefusalCode.Moved or RefusalCode.PositionGap or RefusalCode.UnknownStream or RefusalCode.NoFreeSlot or RefusalCode.Busy
            ? new TransientRefusalException(refusal)
            : StatusMapping.Of(refusal);
    }
}
