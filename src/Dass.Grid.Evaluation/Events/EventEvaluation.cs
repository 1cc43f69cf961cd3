using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Metrics;

namespace Dass.Grid.Evaluation.Events;

/// <summary>How well onsets and offsets are found.</summary>
/// <param name="Threshold">Chunk score from which a sound counts as heard.</param>
/// <param name="F1">Event-based F1 (200 ms collar, offset within 20 % of the length), mean of the labels, at the threshold.</param>
/// <param name="Psds1">PSDS, scenario 1.</param>
/// <param name="Psds2">PSDS, scenario 2.</param>
/// <param name="Detected">Share of events with a detection that meets them, at the threshold.</param>
/// <param name="DelaySeconds">Median time from an onset to the end of the audio that had to be heard to answer it: chunk and look-ahead are in it. NaN: none was detected.</param>
public sealed record EventReport(float Threshold, double F1, double Psds1, double Psds2, double Detected, double DelaySeconds);

/// <summary>Detections are runs of chunks whose score reaches a threshold.</summary>
public static class EventEvaluation
{
    private const int Thresholds = 49;

    /// <param name="engine">Hears the files.</param>
    /// <param name="data">Files with onsets and offsets.</param>
    /// <param name="thresholds">Chunk scores of F1 and delay, 0 to 1; PSDS goes through all.</param>
    /// <param name="options">Chunk and look-ahead.</param>
    /// <param name="progress">Share of files.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>A report for each threshold.</returns>
    /// <exception cref="FormatException">No file has events with times.</exception>
    public static async Task<EventReport[]> RunAsync(
        StreamEngine engine,
        EvaluationSet data,
        IReadOnlyList<float> thresholds,
        StreamSessionOptions options,
        IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        SoundEvent[] truth = [.. data.Files.SelectMany(file => file.Events)];
        if (truth.Length == 0)
        {
            throw new FormatException("The data set has no onsets and offsets; events need both columns.");
        }
        int[] labels = [.. truth.Select(sound => sound.Label).Distinct().Order()];
        var heard = await Listening.ForEachAsync(
            data.Files,
            async (file, _) =>
            {
                var chunks = new List<(double Start, double End, float[] Scores)>();
                var summary = await Listening.HearFileAsync(
                    engine, file.Path, options,
                    chunk => chunks.Add((chunk.StartSeconds, chunk.EndSeconds, [.. labels.Select(label => chunk.Scores[label])])), cancellationToken).ConfigureAwait(false);
                return (Chunks: chunks, summary.DurationSeconds);
            },
            progress,
            cancellationToken).ConfigureAwait(false);

        SoundEvent[] Detect(float at) => [.. heard.SelectMany((file, index) => labels.SelectMany((label, column) => Runs(file.Chunks, column, at, index, label)))];
        var points = Enumerable.Range(1, Thresholds).Select(i => (IReadOnlyList<SoundEvent>)Detect(i / (Thresholds + 1f))).ToArray();
        var hours = heard.Sum(file => file.DurationSeconds) / 3600;
        var (psds1, psds2) = (Psds.Score(truth, points, hours, PsdsScenario.One), Psds.Score(truth, points, hours, PsdsScenario.Two));
        return [.. thresholds.Select(threshold =>
        {
            var found = Detect(threshold);
            double[] delays =
            [
                .. truth.Select(sound => found.Where(detection => detection.Label == sound.Label && detection.Overlap(sound) > 0)
                        .Select(detection => AnsweredAt(heard[sound.File].Chunks, detection, sound) + options.LookAhead.TotalSeconds - sound.Onset).DefaultIfEmpty(double.NaN).Min())
                    .Where(delay => !double.IsNaN(delay)).Order(),
            ];
            return new EventReport(
                threshold, EventF1.Score(truth, found).Macro, psds1, psds2, (double)delays.Length / truth.Length,
                delays.Length == 0 ? double.NaN : delays[delays.Length / 2]);
        })];
    }

    /// <summary>End of the first chunk of the detection that reaches into the event.</summary>
    private static double AnsweredAt(List<(double Start, double End, float[] Scores)> chunks, SoundEvent detection, SoundEvent sound) =>
        chunks.First(chunk => chunk.Start >= detection.Onset && chunk.End > sound.Onset).End;

    internal static IEnumerable<SoundEvent> Runs(List<(double Start, double End, float[] Scores)> chunks, int column, float threshold, int file, int label)
    {
        for (var i = 0; i < chunks.Count; i++)
        {
            if (chunks[i].Scores[column] < threshold)
            {
                continue;
            }
            var begin = i;
            while (i + 1 < chunks.Count && chunks[i + 1].Scores[column] >= threshold)
            {
                i++;
            }
            yield return new SoundEvent(file, label, chunks[begin].Start, chunks[i].End);
        }
    }
}
