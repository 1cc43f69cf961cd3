using Spectre.Console;

namespace Dass.Grid.Cli.Output;

/// <summary>How several things stand: a table that redraws itself for a person, for a pipe a line whenever one of them changes.</summary>
/// <param name="reports">All of them, now.</param>
/// <param name="clock">The time of day.</param>
internal sealed class StatusView<T>(Func<IReadOnlyList<T>> reports, TimeProvider clock)
{
    private static readonly TimeSpan Redraw = TimeSpan.FromSeconds(0.5);

    /// <summary>Draws until it is told to stop.</summary>
    public Task DrawAsync(Func<IReadOnlyList<T>, DateTimeOffset, Table> draw, CancellationToken cancellationToken) =>
        Terminal.DrawAsync(async screen =>
        {
            while (true)
            {
                screen.UpdateTarget(draw(reports(), clock.GetUtcNow()));
                screen.Refresh();
                await Task.Delay(Redraw, clock, cancellationToken).ConfigureAwait(false);
            }
        });

    /// <summary>Writes until it is told to stop.</summary>
    /// <param name="state">The name of one, and what of it is worth a line when it changes.</param>
    /// <param name="write">Writes one.</param>
    /// <param name="interval">Between lines of one that has not changed.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WriteAsync<TState>(
        Func<T, (string Name, TState State)> state, Action<T, DateTimeOffset> write, TimeSpan interval,
        CancellationToken cancellationToken)
        where TState : IEquatable<TState>
    {
        var written = new Dictionary<string, (TState State, long At)>(StringComparer.Ordinal);
        while (true)
        {
            foreach (var report in reports())
            {
                var (name, now) = state(report);
                if (!written.TryGetValue(name, out var last) || !last.State.Equals(now) || clock.GetElapsedTime(last.At) >= interval)
                {
                    written[name] = (now, clock.GetTimestamp());
                    write(report, clock.GetUtcNow());
                }
            }
            await Task.Delay(Redraw, clock, cancellationToken).ConfigureAwait(false);
        }
    }
}
