using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Metrics;

namespace Dass.Grid.Evaluation.Events;

/// <summary>How well onsets and offsets are found at one threshold.</summary>
/// <param name="Threshold">Chunk score that a sound must reach (<see cref="EventRule.On"/>).</param>
/// <param name="F1">Event-based F1 (200 ms collar, offset within 20 % of the length), mean of the labels, at the threshold.</param>
/// <param name="Psds1">PSDS, scenario 1.</param>
/// <param name="Psds2">PSDS, scenario 2.</param>
/// <param name="Detected">Share of events with a detection that meets them, at the threshold.</param>
/// <param name="FalsePerHour">Detections that meet no event of their label, in an hour of audio, all labels together, at the
/// threshold.</param>
/// <param name="DelaySeconds">
/// Median time from an onset to the end of the audio that had to be heard to answer it: chunk and look-ahead are in it. NaN: none was
/// detected.
/// </param>
/// <param name="OfferedFalsePerHour">
/// Events in an hour of audio, all labels together that open events without being asked for, that meet no sound of the data which is the
/// same, of their kind, or what they are a kind of in AudioSet's tree.
/// </param>
public sealed record EventReport(
    float Threshold, double F1, double Psds1, double Psds2, double Detected, double FalsePerHour, double DelaySeconds,
    double OfferedFalsePerHour);

/// <summary>The best of 49 thresholds, 0.02 to 0.98.</summary>
/// <param name="Threshold">Chunk score that a sound must reach (<see cref="EventRule.On"/>); of equally good ones the lowest. NaN:
/// none.</param>
/// <param name="F1">Event-based F1 there, 0 to 1. It is chosen on the data that it is measured on, so it flatters.</param>
public readonly record struct BestThreshold(float Threshold, double F1);

/// <summary>How well onsets and offsets are found.</summary>
/// <param name="Rows">For each threshold that was asked for.</param>
/// <param name="Best">One threshold for all labels; F1 is their mean.</param>
/// <param name="BestByLabel">A threshold for each label that has events.</param>
public sealed record EventReports(
    IReadOnlyList<EventReport> Rows, BestThreshold Best, IReadOnlyList<(Label Label, BestThreshold Best)> BestByLabel);

/// <summary>
/// Detections are a tracker's events. A threshold is its rule's On; Off follows it, and the other fields have their defaults.
/// </summary>
public static class EventEvaluation
{
    private const int Thresholds = 49;

    /// <param name="engine">Hears the files.</param>
    /// <param name="data">Files with onsets and offsets. Without any, only the events of offered labels are counted; a label without times
    /// is heard in all of its file.</param>
    /// <param name="thresholds">Chunk scores of F1 and delay, 0 to 1; PSDS and the best threshold go through all.</param>
    /// <param name="options">Chunk and look-ahead.</param>
    /// <param name="progress">Share of files.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<EventReports> RunAsync(
        StreamEngine engine,
        EvaluationSet data,
        IReadOnlyList<float> thresholds,
        StreamSessionOptions options,
        IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        SoundEvent[] truth = [.. data.Files.SelectMany(file => file.Events)];
        int[] labels = [.. truth.Select(sound => sound.Label).Distinct().Order()];
        var scored = await StreamedInference.ForEachAsync(
            data.Files,
            async (file, _) =>
            {
                var (chunks, offered) = (new List<ChunkScores>(), new OfferedEvents(engine.Model.Labels, thresholds));
                var summary = await StreamedInference.RunFileAsync(
                    engine, file.Path, options,
                    chunk =>
                    {
                        offered.Add(chunk);
                        chunks.Add(chunk with { Scores = [.. labels.Select(label => chunk.Scores[label])], WindowScores = [] });
                    },
                    cancellationToken).ConfigureAwait(false);
                return new ScoredFile(chunks, summary.DurationSeconds) { OfferedFalse = offered.Unmet(file, summary.DurationSeconds) };
            },
            progress,
            cancellationToken).ConfigureAwait(false);
        return Report(scored, truth, labels, thresholds, options.LookAhead.TotalSeconds, engine.Model.Labels);
    }

    /// <param name="scored">By file.</param>
    /// <param name="truth">Events of all files.</param>
    /// <param name="labels">Their labels, in the order of the chunks' scores.</param>
    /// <param name="thresholds">Chunk scores, 0 to 1.</param>
    /// <param name="lookAhead">Seconds.</param>
    /// <param name="known">The model's labels.</param>
    internal static EventReports Report(
        IReadOnlyList<ScoredFile> scored, SoundEvent[] truth, int[] labels, IReadOnlyList<float> thresholds, double lookAhead,
        LabelSet known)
    {
        Detection[] Detect(float at) => [.. scored.SelectMany((file, index) => Detections(file, index, labels, new EventRule { On = at }))];

        var points = Enumerable.Range(1, Thresholds)
            .Select(i => i / (Thresholds + 1f))
            .Select(at => (At: at, Found: Sounds(Detect(at))))
            .ToArray();
        IReadOnlyList<SoundEvent>[] curve = [.. points.Select(point => point.Found)];
        var hours = scored.Sum(file => file.DurationSeconds) / 3600;
        double Score(PsdsScenario scenario) => truth.Length == 0 ? double.NaN : Psds.Score(truth, curve, hours, scenario);
        var (psds1, psds2) = (Score(PsdsScenario.One), Score(PsdsScenario.Two));
        EventReport[] rows = [.. thresholds.Select((threshold, index) =>
        {
            var found = Detect(threshold);
            var delays = Delays(scored, truth, found, lookAhead);
            var missing = found.Count(detection => !truth.Any(sound => Meets(detection.Sound, sound)));
            return new EventReport(
                threshold, EventF1.Score(truth, Sounds(found)).Macro, psds1, psds2, (double)delays.Length / truth.Length, missing / hours,
                Median(delays),
                scored.Sum(file => file.OfferedFalse.Count > 0 ? file.OfferedFalse[index] : 0) / hours);
        })];

        var scores = points.Select(point => (point.At, F1: EventF1.Score(truth, point.Found))).ToArray();
        return new EventReports(
            rows,
            Best(scores.Select(score => (score.At, score.F1.Macro))),
            [.. labels.Select(label => (known[label], Best(scores.Select(score => (score.At, score.F1.ByLabel[label])))))]);
    }

    /// <summary>Of numbers in order; NaN: there are none.</summary>
    private static double Median(double[] ordered) =>
        ordered.Length == 0 ? double.NaN : (ordered[(ordered.Length - 1) / 2] + ordered[ordered.Length / 2]) / 2;

    private static BestThreshold Best(IEnumerable<(float At, double F1)> scores)
    {
        var (at, f1) = scores.MaxBy(score => score.F1);
        return new BestThreshold(f1 > 0 ? at : float.NaN, f1);
    }

    /// <summary>Seconds from the onset of each event that was detected to the end of the audio that its answer needs, in order.</summary>
    internal static double[] Delays(IReadOnlyList<ScoredFile> scored, SoundEvent[] truth, Detection[] found, double lookAhead)
    {
        // A detection that was open before the sound began answers it with the sound's first chunk. A recording's last chunks wait for no
        // more audio than there is.
        double Answered(Detection detection, SoundEvent sound) =>
            Math.Min(
                scored[sound.File].Chunks.First(chunk => chunk.Index >= detection.OpenedChunk && chunk.EndSeconds > sound.Onset).EndSeconds
                    + lookAhead,
                scored[sound.File].DurationSeconds);

        return
        [
            .. from sound in truth
               let meeting = found.Where(detection => Meets(detection.Sound, sound)).ToArray()
               where meeting.Length > 0
               let delay = meeting.Min(detection => Answered(detection, sound)) - sound.Onset
               orderby delay
               select delay,
        ];
    }

    /// <param name="scored">The file.</param>
    /// <param name="file">Its number.</param>
    /// <param name="labels">Labels in the order of the chunks' scores.</param>
    /// <param name="rule">When a sound is an event.</param>
    internal static IEnumerable<Detection> Detections(ScoredFile scored, int file, int[] labels, EventRule rule)
    {
        var (tracker, changes) = (new SoundEventTracker(new EventRules(rule), labels.Length), new List<EventChange>());
        foreach (var chunk in scored.Chunks)
        {
            tracker.Add(chunk, changes);
        }
        tracker.Complete(scored.DurationSeconds, changes);
        return changes.Where(change => change.Kind == EventChangeKind.Closed)
            .Select(change => new Detection(
                new(file, labels[change.Label], change.OnsetSeconds, change.OffsetSeconds), change.OpenedChunk));
    }

    private static SoundEvent[] Sounds(Detection[] found) => [.. found.Select(detection => detection.Sound)];

    private static bool Meets(SoundEvent detection, SoundEvent sound) => detection.Label == sound.Label && detection.Overlap(sound) > 0;

    /// <summary>An event, and the chunk with which it became certain.</summary>
    internal readonly record struct Detection(SoundEvent Sound, long OpenedChunk);

    /// <summary>A file's chunks in order, with the scores of the labels that have events, and its length.</summary>
    internal sealed record ScoredFile(IReadOnlyList<ChunkScores> Chunks, double DurationSeconds)
    {
        /// <summary>See <see cref="EventReport.OfferedFalsePerHour"/>: how many, by threshold. Empty: not counted.</summary>
        public IReadOnlyList<int> OfferedFalse { get; init; } = [];
    }
}
