using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Tags;

namespace Dass.Grid.Evaluation.Niah;

/// <summary>What to run.</summary>
/// <param name="Lengths">Lengths of the recordings, the needle's 10.24 s among them; shorter ones count as that.</param>
/// <param name="Kind">What surrounds the needle.</param>
/// <param name="SnrDb">How far below the needle the haystack lies, in dB.</param>
/// <param name="Positions">Where the needle lies, 0 to 1.</param>
/// <param name="Hay">Samples that are tiled: the recording for <see cref="HaystackKind.Babble"/>; else not read.</param>
/// <param name="FalseAlarmScore">Chunk score from which a label of the data set that is not the needle's counts as a false alarm.</param>
public sealed record NiahOptions(
    IReadOnlyList<TimeSpan> Lengths, HaystackKind Kind, double SnrDb, IReadOnlyList<double> Positions, float[] Hay, float FalseAlarmScore = 0.5f);

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

    /// <summary>Rows in the order of lengths, positions and methods, each length as soon as it is done.</summary>
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
        var hay = options.Kind switch
        {
            HaystackKind.Zeros => [],
            HaystackKind.White => Haystack.WhiteNoise(seed: 1),
            _ => options.Hay,
        };
        IReadOnlySet<int>[] truth = [.. data.Files.Select(file => file.Labels)];
        var planned = clips.Count * (10.24 + options.Lengths.Where(length => length.TotalSeconds > 10.24).Sum(length => length.TotalSeconds * options.Positions.Count));
        var done = 0.0; // seconds of audio, of those planned
        var alone = await MapAsync(NeedleSamples, 0).ConfigureAwait(false);
        foreach (var length in options.Lengths)
        {
            var samples = Math.Max(NeedleSamples, (long)(length.TotalSeconds * SampleRateHz));
            foreach (var position in samples == NeedleSamples ? [0.0] : options.Positions)
            {
                var (maps, alarms) = samples == NeedleSamples ? alone : await MapAsync(samples, position).ConfigureAwait(false);
                for (var method = 0; method < Aggregates.Methods.Length; method++)
                {
                    yield return new NiahRow(
                        length.TotalSeconds, options.Kind.ToString().ToLowerInvariant(), options.SnrDb, position, Aggregates.Methods[method], maps[method],
                        maps[method] / alone.Maps[method], alarms);
                }
            }
        }

        async Task<(double[] Maps, double AlarmsPerHour)> MapAsync(long samples, double position)
        {
            var heard = await Listening.ForEachAsync(
                clips, (clip, index) => HearAsync(clip, truth[index], samples, position), progress: null, cancellationToken).ConfigureAwait(false);
            double[] maps = [.. Enumerable.Range(0, Aggregates.Methods.Length).Select(method =>
                TagReport.Of([.. heard.Select(one => one.Scores[method])], truth, engine.Model.Labels).Map)];
            var hours = clips.Count * (double)(samples - NeedleSamples) / SampleRateHz / 3600;
            return (maps, hours == 0 ? 0 : heard.Sum(one => one.Alarms) / hours);
        }

        async Task<(float[][] Scores, int Alarms)> HearAsync(float[] clip, IReadOnlySet<int> labels, long samples, double position)
        {
            var needle = new float[NeedleSamples];
            clip.CopyTo(needle, 0);
            await using var source = new Haystack(needle, hay, Haystack.Rms(clip), options.SnrDb, samples, position);
            var aggregates = new Aggregates(engine.Model.Labels.Count);
            var alarms = new FalseAlarms([.. data.Labels.Where(label => !labels.Contains(label))], options.FalseAlarmScore);
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
                cancellationToken).ConfigureAwait(false);
            return (aggregates.Finish(summary), alarms.Count);
        }
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
