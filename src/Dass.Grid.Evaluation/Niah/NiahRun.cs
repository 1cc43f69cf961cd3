using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Evaluation.Niah;

/// <summary>Runs needles in their haystacks: what is before several needles once, the rest of each by itself.</summary>
/// <param name="engine">Has room for <see cref="StreamedInference.Parallel"/> streams.</param>
/// <param name="session">Chunk and look-ahead.</param>
/// <param name="labels">Labels with counted false alarms.</param>
/// <param name="falseAlarmScore">Chunk score from which a label counts as on.</param>
/// <param name="moved">Called, from several threads, with samples of recordings that have been put behind.</param>
/// <param name="cancellationToken">Stops it.</param>
internal sealed class NiahRun(
    StreamEngine engine,
    StreamSessionOptions session,
    int[] labels,
    float falseAlarmScore,
    Action<long> moved,
    CancellationToken cancellationToken) : IDisposable
{
    // A run that waits for a stream holds none. Groups are limited, too: those that are under way hold a snapshot each.
    private readonly SemaphoreSlim _streams = StreamedInference.Room();
    private readonly SemaphoreSlim _groups = StreamedInference.Room();

    public void Dispose()
    {
        _streams.Dispose();
        _groups.Dispose();
    }

    /// <summary>Runs one cell.</summary>
    /// <returns>By position, then by needle.</returns>
    public async Task<Verdict[][]> RunAsync(IReadOnlyList<Needle> needles, Cell cell)
    {
        Verdict[][] verdicts = [.. cell.Positions.Select(_ => new Verdict[needles.Count])];
        var groups = needles.GroupBy(needle => (needle.Noise, Gain: Haystack.Gain(needle.Noise, needle.Rms, cell.SnrDb))).ToList();
        await StreamedInference.ForEachAsync(
            groups,
            async (group, _) =>
            {
                await RunAsync([.. group], cell, group.Key.Gain, verdicts).ConfigureAwait(false);
                return true;
            },
            _groups,
            cancellationToken).ConfigureAwait(false);
        return verdicts;
    }

    /// <summary>Runs needles that have the same haystack, at the same level, before them and behind them.</summary>
    private async Task RunAsync(IReadOnlyList<Needle> group, Cell cell, float gain, Verdict[][] verdicts)
    {
        Paused? before = null;
        for (var at = 0; at < cell.Positions.Count; at++)
        {
            var (position, waiting) = (at, (long)group.Count * (cell.Positions.Count - at));
            Haystack[] audio = [
                .. group.Select(needle => new Haystack(needle.Samples, needle.Noise, gain, cell.Samples, cell.Positions[position]))
            ];
            before = await InStreamAsync(async () =>
            {
                using var run = before is null
                    ? new NeedleRun(engine, session, ForgetAfter(cell.Reset), new FalseAlarms(labels, falseAlarmScore))
                    : NeedleRun.Resume(engine, before);
                await run.AdvanceAsync(
                    audio[0], Branch(audio[0]), samples => moved(samples * waiting), cancellationToken).ConfigureAwait(false);
                return run.Pause();
            }).ConfigureAwait(false);
            await Task.WhenAll(audio.Zip(group).Select(one => InStreamAsync(async () =>
            {
                using var run = NeedleRun.Resume(engine, before);
                await run.AdvanceAsync(one.First, cell.Samples, moved, cancellationToken).ConfigureAwait(false);
                return verdicts[position][one.Second.Index] = await run.FinishAsync(one.First, cancellationToken).ConfigureAwait(false);
            }))).ConfigureAwait(false);
        }
    }

    /// <summary>The last begin of a chunk before which no chunk is near the needle.</summary>
    private long Branch(Haystack audio)
    {
        var chunk = NeedleRun.ChunkSamples(session);
        return Math.Max(0, (audio.Begin - NeedleRun.MarginSamples) / chunk * chunk);
    }

    private int ForgetAfter(TimeSpan? reset) => reset is { } time ? (int)((time.Ticks + session.Chunk.Ticks - 1) / session.Chunk.Ticks) : 0;

    private async Task<T> InStreamAsync<T>(Func<Task<T>> run)
    {
        await _streams.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await run().ConfigureAwait(false);
        }
        finally
        {
            _streams.Release();
        }
    }
}
