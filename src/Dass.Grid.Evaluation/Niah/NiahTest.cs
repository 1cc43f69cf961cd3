using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Tags;

namespace Dass.Grid.Evaluation.Niah;

/// <summary>What to run.</summary>
/// <param name="Lengths">Lengths of the recordings, the needle's 10.24 s among them; shorter ones count as that.</param>
/// <param name="Kind">What surrounds the needle.</param>
/// <param name="SnrsDb">How far below the needle the haystack lies, in dB.</param>
/// <param name="Positions">Where the needle lies, 0 to 1.</param>
/// <param name="Hay">Samples that are tiled: the recording for <see cref="HaystackKind.Babble"/>; else not read.</param>
/// <param name="FalseAlarmScore">Chunk score from which a label of the data set that is not the needle's counts as a false alarm.</param>
public sealed record NiahOptions(
    IReadOnlyList<TimeSpan> Lengths, HaystackKind Kind, IReadOnlyList<double> SnrsDb, IReadOnlyList<double> Positions, float[] Hay,
    float FalseAlarmScore = 0.5f);

/// <summary>One figure: a length, a position, a way to speak of a whole recording.</summary>
/// <param name="LengthSeconds">The needle among it.</param>
/// <param name="Haystack">zeros, white or babble.</param>
/// <param name="SnrDb">Level below the needle.</param>
/// <param name="Position">0 to 1.</param>
/// <param name="Method">mean, max-window or contrast.</param>
/// <param name="Map">Mean average precision over the data set's labels.</param>
/// <param name="Retention">Its share of that of the needle alone, same method.</param>
/// <param name="FalseAlarmsPerHour">Beginnings of chunks outside the needle in which a label of the data set that is not the needle's reaches the score; the same for every method.</param>
public sealed record NiahRow(
    double LengthSeconds, string Haystack, double SnrDb, double Position, string Method, double Map, double Retention, double FalseAlarmsPerHour);

/// <summary>Audio needle in a haystack (arXiv 2407.04082): every clip hidden in recordings of growing length.</summary>
public static class NiahTest
{
    /// <summary>Samples of a needle: 10.24 s, padded with zeros or cut.</summary>
    public const int NeedleSamples = 163_840;

    private const int SampleRateHz = 16_000;

    /// <summary>Rows in the order of levels, lengths, positions and methods, as soon as those before them are known.</summary>
    /// <remarks>All recordings share one pool of parallel streams.</remarks>
    public static async IAsyncEnumerable<NiahRow> RunAsync(
        StreamEngine engine,
        EvaluationSet data,
        NiahOptions options,
        StreamSessionOptions session,
        IProgress<double>? progress,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var clips = new List<float[]>();
        foreach (var file in data.Files)
        {
            clips.Add(await Listening.DecodeAsync(file.Path, NeedleSamples, cancellationToken).ConfigureAwait(false));
        }
        var tiled = options.Kind == HaystackKind.Babble ? Hay.Tiled(options.Hay) : Hay.Silence;
        IReadOnlySet<int>[] truth = [.. data.Files.Select(file => file.Labels)];
        Cell[] cells =
        [
            .. from snr in options.SnrsDb
               from length in options.Lengths
               let samples = Math.Max(NeedleSamples, (long)(length.TotalSeconds * SampleRateHz))
               from position in samples == NeedleSamples ? [0.0] : options.Positions
               select new Cell(snr, length.TotalSeconds, samples, position),
        ];
        var planned = (double)clips.Count * (NeedleSamples + cells.Where(cell => !cell.Alone).Sum(cell => cell.Samples)) / SampleRateHz;
        var done = 0.0; // seconds of audio, of those planned

        using var room = Listening.Room();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var alone = MapAsync(new Cell(0, 0, NeedleSamples, 0));
        Task<(double[] Maps, double Alarms)>[] heard = [.. cells.Select(cell => cell.Alone ? alone : MapAsync(cell))];
        try
        {
            var whole = (await alone.ConfigureAwait(false)).Maps;
            foreach (var (cell, task) in cells.Zip(heard))
            {
                var (maps, alarms) = await task.ConfigureAwait(false);
                for (var method = 0; method < Aggregates.Methods.Length; method++)
                {
                    yield return new NiahRow(
                        cell.Seconds, options.Kind.ToString().ToLowerInvariant(), cell.SnrDb, cell.Position, Aggregates.Methods[method], maps[method],
                        maps[method] / whole[method], alarms);
                }
            }
        }
        finally
        {
            // Nothing may listen any more when the caller gives up and takes the engine down.
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)Task.WhenAll([alone, .. heard])).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task<(double[] Maps, double Alarms)> MapAsync(Cell cell)
        {
            var results = await Listening.ForEachAsync(clips, (clip, index) => HearAsync(clip, index, cell), room, stop.Token).ConfigureAwait(false);
            double[] maps = [.. Enumerable.Range(0, Aggregates.Methods.Length).Select(method =>
                TagReport.Of([.. results.Select(one => one.Scores[method])], truth, engine.Model.Labels).Map)];
            var hours = clips.Count * (double)(cell.Samples - NeedleSamples) / SampleRateHz / 3600;
            return (maps, hours == 0 ? 0 : results.Sum(one => one.Alarms) / hours);
        }

        async Task<(float[][] Scores, int Alarms)> HearAsync(float[] clip, int index, Cell cell)
        {
            var needle = new float[NeedleSamples];
            clip.CopyTo(needle, 0);
            // Noise of its own for every needle, the same in every cell.
            var hay = options.Kind == HaystackKind.White ? Hay.WhiteNoise(seed: index) : tiled;
            await using var source = new Haystack(needle, hay, Haystack.Rms(clip), cell.SnrDb, cell.Samples, cell.Position);
            var aggregates = new Aggregates(engine.Model.Labels.Count);
            var alarms = new FalseAlarms([.. data.Labels.Where(label => !truth[index].Contains(label))], options.FalseAlarmScore);
            var (from, to) = ((double)source.Begin / SampleRateHz - 1, (double)(source.Begin + NeedleSamples) / SampleRateHz + 1);
            var summary = await Listening.HearAsync(
                engine,
                source,
                session,
                chunk =>
                {
                    aggregates.Add(chunk);
                    lock (clips)
                    {
                        done += chunk.EndSeconds - chunk.StartSeconds;
                        progress?.Report(Math.Min(1, done / planned));
                    }
                    alarms.Add(chunk, outside: chunk.EndSeconds <= from || chunk.StartSeconds >= to);
                },
                stop.Token).ConfigureAwait(false);
            return (aggregates.Finish(summary), alarms.Count);
        }
    }

    /// <summary>Recordings of one level, length and position.</summary>
    private readonly record struct Cell(double SnrDb, double Seconds, long Samples, double Position)
    {
        public bool Alone => Samples == NeedleSamples;
    }

    /// <summary>Counts how often a label begins to be heard where there is nothing but hay.</summary>
    private sealed class FalseAlarms(int[] labels, float score)
    {
        private readonly bool[] _on = new bool[labels.Length];

        public int Count { get; private set; }

        public void Add(TagChunk chunk, bool outside)
        {
            for (var i = 0; i < labels.Length; i++)
            {
                var on = chunk.Scores[labels[i]] >= score;
                Count += outside && on && !_on[i] ? 1 : 0;
                _on[i] = on;
            }
        }
    }
}
