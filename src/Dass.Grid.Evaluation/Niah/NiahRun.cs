using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Evaluation.Niah;

/// <summary>Hears needles in their haystacks: what is before several needles once, the rest of each by itself.</summary>
/// <param name="engine">Has room for <see cref="StreamedInference.Parallel"/> streams.</param>
/// <param name="session">Chunk and look-ahead.</param>
/// <param name="labels">Whose false alarms are counted.</param>
/// <param name="falseAlarmScore">Chunk score from which one is heard.</param>
/// <param name="moved">Called, from several threads, with samples of recordings that have been put behind.</param>
/// <param name="cancellationToken">Stops it.</param>
internal sealed class NiahRun(
    StreamEngine engine, StreamSessionOptions session, int[] labels, float falseAlarmScore, Action<long> moved, CancellationToken cancellationToken)
    : IDisposable
{
    // Who waits for a stream holds none. Groups are limited, too: those that are under way hold a snapshot each.
    private readonly SemaphoreSlim _streams = StreamedInference.Room();
    private readonly SemaphoreSlim _groups = StreamedInference.Room();

    public void Dispose()
    {
        _streams.Dispose();
        _groups.Dispose();
    }

    /// <summary>Hears one cell.</summary>
    /// <returns>By position, then by needle.</returns>
    public async Task<Verdict[][]> HearAsync(IReadOnlyList<Needle> needles, Cell cell)
    {
        Verdict[][] verdicts = [.. cell.Positions.Select(_ => new Verdict[needles.Count])];
        var groups = needles.GroupBy(needle => (needle.HaystackNoise, Gain: Haystack.Gain(needle.HaystackNoise, needle.Rms, cell.SnrDb))).ToList();
        await StreamedInference.ForEachAsync(
            groups,
            async (group, _) =>
            {
                await HearAsync([.. group], cell, group.Key.Gain, verdicts).ConfigureAwait(false);
                return true;
            },
            _groups,
            cancellationToken).ConfigureAwait(false);
        return verdicts;
    }

    /// <summary>Hears needles that have the same hay, at the same level, before them and behind them.</summary>
    private async Task HearAsync(IReadOnlyList<Needle> group, Cell cell, float gain, Verdict[][] verdicts)
    {
        Paused? before = null;
        for (var at = 0; at < cell.Positions.Count; at++)
        {
            var (position, waiting) = (at, (long)group.Count * (cell.Positions.Count - at));
            Haystack[] audio = [.. group.Select(needle => new Haystack(needle.Samples, needle.HaystackNoise, gain, cell.Samples, cell.Positions[position]))];
            before = await InStreamAsync(async () =>
            {
                using var hearing = before is null
                    ? new NeedleRun(engine, session, ForgetAfter(cell.Reset), new FalseAlarms(labels, falseAlarmScore))
                    : NeedleRun.Resume(engine, before);
                await hearing.HearAsync(audio[0], Branch(audio[0]), samples => moved(samples * waiting), cancellationToken).ConfigureAwait(false);
                return hearing.Pause();
            }).ConfigureAwait(false);
            await Task.WhenAll(audio.Zip(group).Select(one => InStreamAsync(async () =>
            {
                using var hearing = NeedleRun.Resume(engine, before);
                await hearing.HearAsync(one.First, cell.Samples, moved, cancellationToken).ConfigureAwait(false);
                return verdicts[position][one.Second.Index] = await hearing.FinishAsync(one.First, cancellationToken).ConfigureAwait(false);
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

    private async Task<T> InStreamAsync<T>(Func<Task<T>> hear)
    {
        await _streams.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await hear().ConfigureAwait(false);
        }
        finally
        {
            _streams.Release();
        }
    }
}
