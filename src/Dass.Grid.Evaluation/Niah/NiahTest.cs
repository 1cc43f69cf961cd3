using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Tags;

namespace Dass.Grid.Evaluation.Niah;

/// <summary>What to run.</summary>
/// <param name="Lengths">Lengths of the recordings, the needle's 10.24 s among them; shorter ones count as that.</param>
/// <param name="Kind">What surrounds the needle.</param>
/// <param name="SnrsDb">How far below the needle the haystack lies, in dB.</param>
/// <param name="Positions">Where the needle lies, 0 to 1.</param>
/// <param name="Babble">Samples that are tiled: the recording for <see cref="HaystackKind.Babble"/>; else not read.</param>
/// <param name="FalseAlarmScore">Chunk score from which a label of the data set that is not the needle's counts as a false alarm.</param>
public sealed record NiahOptions(
    IReadOnlyList<TimeSpan> Lengths,
    HaystackKind Kind,
    IReadOnlyList<double> SnrsDb,
    IReadOnlyList<double> Positions,
    float[] Babble,
    float FalseAlarmScore = 0.5f)
{
    /// <summary>
    /// How long the recurrent state is carried, each in a run of its own; null: for ever. At the first chunk's end at or after that time,
    /// and so on, the state becomes a new stream's: the next chunk sees nothing of the audio before it. Look-ahead that waits is kept, so
    /// no audio is lost, and trailing windows, means and maxima go on over the token sums of all chunks. The needle alone is never reset.
    /// </summary>
    public IReadOnlyList<TimeSpan?> Resets { get; init; } = [null];
}

/// <summary>One figure: a length, a position, a way to score a whole recording.</summary>
/// <param name="LengthSeconds">The needle among it.</param>
/// <param name="Haystack">zeros, white or babble.</param>
/// <param name="SnrDb">Level below the needle.</param>
/// <param name="Position">0 to 1.</param>
/// <param name="Method">mean, max-window or contrast.</param>
/// <param name="Map">Mean average precision over the data set's labels.</param>
/// <param name="Retention">Its share of that of the needle alone, same method.</param>
/// <param name="FalseAlarmsPerHour">Beginnings of chunks outside the needle in which a label of the data set that is not the needle's
/// reaches the score; the same for every method.</param>
/// <param name="ResetSeconds">How long the recurrent state was carried; null: for ever.</param>
public sealed record NiahRow(
    double LengthSeconds,
    string Haystack,
    double SnrDb,
    double Position,
    string Method,
    double Map,
    double Retention,
    double FalseAlarmsPerHour,
    double? ResetSeconds = null);

/// <summary>Audio needle in a haystack (arXiv 2407.04082): every clip hidden in recordings of growing length.</summary>
/// <remarks>
/// The haystack lies below each needle by the same ratio, as in the paper, so its level is the needle's own: only needles of equal level,
/// or in silence, share what is before them, and a needle shares it between its positions.
/// </remarks>
public static class NiahTest
{
    /// <summary>Samples of a needle: 10.24 s, padded with zeros or cut.</summary>
    public const int NeedleSamples = 163_840;

    private const int SampleRateHz = 16_000;

    /// <summary>Rows in the order of levels, resets, lengths, positions and methods, as soon as those before them are known.</summary>
    /// <remarks>All recordings share one pool of parallel streams.</remarks>
    public static async IAsyncEnumerable<NiahRow> RunAsync(
        StreamEngine engine,
        EvaluationSet data,
        NiahOptions options,
        StreamSessionOptions session,
        IProgress<double>? progress,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var needles = new List<Needle>();
        var tiled = options.Kind == HaystackKind.Babble ? HaystackNoise.Tiled(options.Babble) : HaystackNoise.Silence;
        foreach (var file in data.Files)
        {
            var clip = await StreamedInference.DecodeAsync(file.Path, NeedleSamples, cancellationToken).ConfigureAwait(false);
            var samples = new float[NeedleSamples];
            clip.CopyTo(samples, 0);
            // Noise of its own for every needle, the same in every recording.
            var noise = options.Kind == HaystackKind.White ? HaystackNoise.WhiteNoise(seed: needles.Count) : tiled;
            needles.Add(new Needle(needles.Count, samples, Haystack.Rms(clip), noise, file.Labels));
        }
        Cell[] cells =
        [
            .. from snr in options.SnrsDb
               from reset in options.Resets
               from length in options.Lengths
               let samples = Math.Max(NeedleSamples, (long)(length.TotalSeconds * SampleRateHz))
               select new Cell(snr, reset, length.TotalSeconds, samples, samples == NeedleSamples ? [0.0] : [.. options.Positions.Order()]),
        ];
        var around = cells.Where(cell => !cell.Alone).Sum(cell => cell.Samples * cell.Positions.Count);
        var planned = (double)needles.Count * (NeedleSamples + around);
        var done = 0L; // samples, of those planned

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var test = new NiahRun(engine, session, data.Labels, options.FalseAlarmScore, Moved, stop.Token);
        var alone = MapAsync(new Cell(0, null, 0, NeedleSamples, [0]));
        Task<(double[] Maps, double Alarms)[]>[] runs = [.. cells.Select(cell => cell.Alone ? alone : MapAsync(cell))];
        try
        {
            var whole = (await alone.ConfigureAwait(false))[0].Maps;
            foreach (var (cell, task) in cells.Zip(runs))
            {
                foreach (var (position, (maps, alarms)) in cell.Positions.Zip(await task.ConfigureAwait(false)))
                {
                    for (var method = 0; method < Aggregates.Methods.Length; method++)
                    {
                        yield return new NiahRow(
                            cell.Seconds,
                            options.Kind.ToString().ToLowerInvariant(),
                            cell.SnrDb,
                            position,
                            Aggregates.Methods[method],
                            maps[method],
                            maps[method] / whole[method],
                            alarms,
                            cell.Reset?.TotalSeconds);
                    }
                }
            }
        }
        finally
        {
            // No stream may run any more when the caller gives up and takes the engine down.
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)Task.WhenAll([alone, .. runs])).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task<(double[] Maps, double Alarms)[]> MapAsync(Cell cell)
        {
            var verdicts = await test.RunAsync(needles, cell).ConfigureAwait(false);
            var hours = needles.Count * (double)(cell.Samples - NeedleSamples) / SampleRateHz / 3600;
            return
            [
                .. verdicts.Select(row => (
                    Aggregates.Methods.Select((_, method) => Map(row, method)).ToArray(),
                    hours == 0 ? 0 : row.Zip(needles).Sum(one => one.First.Alarms.Count(one.Second.Labels)) / hours)),
            ];

            double Map(Verdict[] row, int method) => TagReport.From(
                [.. row.Select(one => one.Scores[method])],
                [.. needles.Select(needle => needle.Labels)],
                engine.Model.Labels).Map;
        }

        void Moved(long samples) => progress?.Report(Math.Min(1, Interlocked.Add(ref done, samples) / planned));
    }
}

/// <summary>What is hidden.</summary>
/// <param name="Index">Place among all.</param>
/// <param name="Samples">Padded with zeros.</param>
/// <param name="Rms">Level without the padding.</param>
/// <param name="Noise">In what.</param>
/// <param name="Labels">Indices of its labels.</param>
internal sealed record Needle(int Index, float[] Samples, double Rms, HaystackNoise Noise, IReadOnlySet<int> Labels);

/// <summary>Recordings of one level, reset and length, for all positions in ascending order.</summary>
internal sealed record Cell(double SnrDb, TimeSpan? Reset, double Seconds, long Samples, IReadOnlyList<double> Positions)
{
    public bool Alone => Samples == NiahTest.NeedleSamples;
}
