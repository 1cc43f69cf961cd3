using Dass.Grid.Gateway.Protocol;

namespace Dass.Grid.Gateway.Grid;

/// <summary>
/// What a call does while its stream's silo is gone: waits a little longer each time, and gives up when the patience is over.
/// </summary>
internal sealed class Recovery(GridAccess grid)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(0.5);

    private readonly long _began = grid.Time.GetTimestamp();
    private TimeSpan _pause = FirstPause;

    public TimeSpan Elapsed => grid.Time.GetElapsedTime(_began);

    /// <summary>Whether the stream may still be found elsewhere, or later, as long as the call itself has not been cancelled.</summary>
    public static bool IsWorthWaiting(Exception failure) => failure is TransientRefusalException || IsUnanswered(failure);

    /// <summary>Asks again while no silo answers, or one that cannot.</summary>
    public static async Task<T> AskAsync<T>(GridAccess grid, Func<Task<T>> question, CancellationToken cancellationToken)
    {
        for (Recovery? recovery = null; ;)
        {
            try
            {
                return await question();
            }
            catch (Exception failure) when (IsWorthWaiting(failure) && !cancellationToken.IsCancellationRequested)
            {
                recovery ??= new Recovery(grid);
                await recovery.PauseAsync(failure, cancellationToken);
            }
        }
    }

    /// <summary>
    /// What a cancellation is that the caller has not asked for: Orleans' directory cancels calls to grains of a silo that has just died.
    /// </summary>
    public static OrleansException Unanswered(Exception cancelled) => new("The grid's directory has cancelled the call.", cancelled);

    private static bool IsUnanswered(Exception failure) =>
        failure is OrleansException or TimeoutException or OperationCanceledException || StatusMapping.IsWithoutSilo(failure);

    /// <exception cref="Exception">The failure itself, when there is no more patience.</exception>
    public async Task PauseAsync(Exception failure, CancellationToken cancellationToken)
    {
        if (Elapsed + _pause > grid.Options.RecoveryPatience)
        {
            throw failure switch
            {
                TransientRefusalException { Refusal: var refusal } => StatusMapping.FromRefusal(refusal),
                OperationCanceledException => Unanswered(failure),
                _ => failure,
            };
        }
        await Task.Delay(_pause, grid.Time, cancellationToken);
        _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
    }
}
