using Dass.Grid.Engine.Model;
using Dass.Grid.Evaluation.Metrics;

namespace Dass.Grid.Evaluation.Tags;

/// <summary>One label's figures.</summary>
/// <param name="Label">The label.</param>
/// <param name="Files">Files that hold it.</param>
/// <param name="AveragePrecision">0 to 1.</param>
/// <param name="Auc">0 to 1.</param>
/// <param name="LwLrap">0 to 1.</param>
public sealed record LabelReport(Label Label, int Files, double AveragePrecision, double Auc, double LwLrap);

/// <summary>The field's figures over a data set.</summary>
/// <param name="Map">Mean of the labels' average precisions.</param>
/// <param name="Auc">Mean of the labels' areas under the ROC curve.</param>
/// <param name="DPrime">d′ of that mean.</param>
/// <param name="LwLrap">Label-weighted label-ranking average precision, among the labels of the data set.</param>
/// <param name="Top1">Share of files with labels whose highest score among the labels of the data set is one of theirs.</param>
/// <param name="Labels">Labels that occur.</param>
public sealed record TagReport(double Map, double Auc, double DPrime, double LwLrap, double Top1, IReadOnlyList<LabelReport> Labels)
{
    /// <summary>How far the figures depend on the recordings; null: not asked for.</summary>
    public TagIntervals? Intervals { get; init; }

    /// <param name="scores">By file, in the model's label order.</param>
    /// <param name="truth">Label indices by file.</param>
    /// <param name="known">The model's labels.</param>
    /// <param name="resamples">Of the recordings, for intervals; 0: none.</param>
    /// <param name="seed">Of the resamples.</param>
    /// <exception cref="ArgumentException">A recording has not one score per label, or one that is not a number.</exception>
    public static TagReport From(
        IReadOnlyList<float[]> scores, IReadOnlyList<IReadOnlySet<int>> truth, LabelSet known, int resamples = 0, int seed = 0)
    {
        for (var recording = 0; recording < scores.Count; recording++)
        {
            if (scores[recording].Length != known.Count)
            {
                throw new ArgumentException(
                    $"Recording {recording} has {scores[recording].Length} scores; it must have one for each of {known.Count} labels"
                    + " (audio shorter than 25 ms has none).", nameof(scores));
            }
            if (Array.FindIndex(scores[recording], float.IsNaN) is >= 0 and var label)
            {
                throw Ranking.NotANumber(recording, label, nameof(scores));
            }
        }
        int[] occurring = [.. truth.SelectMany(labels => labels).Distinct().Order()];
        float[][] among = [.. scores.Select(row => occurring.Select(label => row[label]).ToArray())];
        bool[][] positive = [.. truth.Select(labels => occurring.Select(labels.Contains).ToArray())];
        var lrap = new double[occurring.Length];
        var overall = Ranking.LwLrap(among, positive, lrap);
        LabelReport[] reports = [.. occurring.Select((label, column) =>
        {
            float[] values = [.. among.Select(row => row[column])];
            bool[] wanted = [.. positive.Select(row => row[column])];
            return new LabelReport(
                known[label], wanted.Count(yes => yes), Ranking.AveragePrecision(values, wanted), Ranking.Auc(values, wanted),
                lrap[column]);
        })];
        // A label that every file has is ranked in no way: it has no area.
        var auc = reports.Select(report => report.Auc).Where(area => !double.IsNaN(area)).DefaultIfEmpty(double.NaN).Average();
        var top1 = among.Zip(positive).Where(file => file.Second.Contains(true))
            .Average(file => file.Second[Array.IndexOf(file.First, file.First.Max())] ? 1.0 : 0.0);
        return new TagReport(reports.Average(report => report.AveragePrecision), auc, Ranking.DPrime(auc), overall, top1, reports)
        {
            Intervals = resamples > 0 ? TagBootstrap.Run(among, positive, resamples, seed) : null,
        };
    }
}
