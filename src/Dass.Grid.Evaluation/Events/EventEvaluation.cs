using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Metrics;

namespace Dass.Grid.Evaluation.Events;

/// <summary>How well onsets and offsets are found at one threshold.</summary>
/// <param name="Threshold">Chunk score from which a sound counts as heard.</param>
/// <param name="F1">Event-based F1 (200 ms collar, offset within 20 % of the length), mean of the labels, at the threshold.</param>
/// <param name="Psds1">PSDS, scenario 1.</param>
/// <param name="Psds2">PSDS, scenario 2.</param>
/// <param name="Detected">Share of events with a detection that meets them, at the threshold.</param>
/// <param name="DelaySeconds">Median time from an onset to the end of the audio that had to be heard to answer it: chunk and look-ahead are in it. NaN: none was detected.</param>
public sealed record EventReport(float Threshold, double F1, double Psds1, double Psds2, double Detected, double DelaySeconds);

/// <summary>The best of 49 thresholds, 0.02 to 0.98.</summary>
/// <param name="Threshold">Chunk score from which a sound counts as heard; of equally good ones the lowest. NaN: none finds an event.</param>
/// <param name="F1">Event-based F1 there, 0 to 1. It is chosen on the data that it is measured on, so it flatters.</param>
public readonly record struct BestThreshold(float Threshold, double F1);

/// <summary>How well onsets and offsets are found.</summary>
/// <param name="Rows">For each threshold that was asked for.</param>
/// <param name="Best">One threshold for all labels; F1 is their mean.</param>
/// <param name="BestByLabel">A threshold for each label that has events.</param>
public sealed record EventReports(IReadOnlyList<EventReport> Rows, BestThreshold Best, IReadOnlyList<(Label Label, BestThreshold Best)> BestByLabel);

/// <summary>Detections are runs of chunks whose score reaches a threshold.</summary>
public static class EventEvaluation
{
    private const int Thresholds = 49;

    /// <param name="engine">Hears the files.</param>
    /// <param name="data">Files with onsets and offsets.</param>
    /// <param name="thresholds">Chunk scores of F1 and delay, 0 to 1; PSDS and the best threshold go through all.</param>
    /// <param name="options">Chunk and look-ahead.</param>
    /// <param name="progress">Share of files.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="FormatException">No file has events with times.</exception>
    public static async Task<EventReports> RunAsync(
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
                var chunks = new List<ScoredChunk>();
                var summary = await Listening.HearFileAsync(
                    engine, file.Path, options,
                    chunk => chunks.Add(new(chunk.StartSeconds, chunk.EndSeconds, [.. labels.Select(label => chunk.Scores[label])])),
                    cancellationToken).ConfigureAwait(false);
                return new ScoredFile(chunks, summary.DurationSeconds);
            },
            progress,
            cancellationToken).ConfigureAwait(false);
        return Report(heard, truth, labels, thresholds, options.LookAhead.TotalSeconds, engine.Model.Labels);
    }

    /// <param name="heard">By file.</param>
    /// <param name="truth">Events of all files.</param>
    /// <param name="labels">Their labels, in the order of the chunks' scores.</param>
    /// <param name="thresholds">Chunk scores, 0 to 1.</param>
    /// <param name="lookAhead">Seconds.</param>
    /// <param name="known">The model's labels.</param>
    internal static EventReports Report(
        IReadOnlyList<ScoredFile> heard, SoundEvent[] truth, int[] labels, IReadOnlyList<float> thresholds, double lookAhead, LabelSet known)
    {
        SoundEvent[] Detect(float at) =>
            [.. heard.SelectMany((file, index) => labels.SelectMany((label, column) => Runs(file.Chunks, column, at, index, label)))];

        var points = Enumerable.Range(1, Thresholds).Select(i => i / (Thresholds + 1f)).Select(at => (At: at, Found: Detect(at))).ToArray();
        IReadOnlyList<SoundEvent>[] curve = [.. points.Select(point => point.Found)];
        var hours = heard.Sum(file => file.DurationSeconds) / 3600;
        var (psds1, psds2) = (Psds.Score(truth, curve, hours, PsdsScenario.One), Psds.Score(truth, curve, hours, PsdsScenario.Two));
        EventReport[] rows = [.. thresholds.Select(threshold =>
        {
            var found = Detect(threshold);
            var delays = Delays(heard, truth, found, lookAhead);
            return new EventReport(
                threshold, EventF1.Score(truth, found).Macro, psds1, psds2, (double)delays.Length / truth.Length,
                delays.Length == 0 ? double.NaN : delays[delays.Length / 2]);
        })];

        var scores = points.Select(point => (point.At, F1: EventF1.Score(truth, point.Found))).ToArray();
        return new EventReports(
            rows,
            Best(scores.Select(score => (score.At, score.F1.Macro))),
            [.. labels.Select(label => (known[label], Best(scores.Select(score => (score.At, score.F1.ByLabel[label])))))]);
    }

    private static BestThreshold Best(IEnumerable<(float At, double F1)> scores)
    {
        var (at, f1) = scores.MaxBy(score => score.F1);
        return new BestThreshold(f1 > 0 ? at : float.NaN, f1);
    }

    /// <summary>Seconds from the onset of each event that was detected to the end of the audio that its answer needs, in order.</summary>
    internal static double[] Delays(IReadOnlyList<ScoredFile> heard, SoundEvent[] truth, SoundEvent[] found, double lookAhead)
    {
        // A recording's last chunks wait for no more audio than there is.
        double Answered(SoundEvent detection, SoundEvent sound) =>
            Math.Min(
                heard[sound.File].Chunks.First(chunk => chunk.Start >= detection.Onset && chunk.End > sound.Onset).End + lookAhead,
                heard[sound.File].DurationSeconds);

        return
        [
            .. from sound in truth
               let meeting = found.Where(detection => detection.Label == sound.Label && detection.Overlap(sound) > 0).ToArray()
               where meeting.Length > 0
               let delay = meeting.Min(detection => Answered(detection, sound)) - sound.Onset
               orderby delay
               select delay,
        ];
    }

    internal static IEnumerable<SoundEvent> Runs(IReadOnlyList<ScoredChunk> chunks, int column, float threshold, int file, int label)
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

    /// <summary>Times in seconds; scores of the labels that have events, 0 to 1.</summary>
    internal readonly record struct ScoredChunk(double Start, double End, float[] Scores);

    /// <summary>A file's chunks in order, and its length.</summary>
    internal sealed record ScoredFile(IReadOnlyList<ScoredChunk> Chunks, double DurationSeconds);
}
