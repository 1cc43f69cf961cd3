using Dass.Grid.Evaluation.Latency;
using Dass.Grid.Evaluation.Niah;
using ScottPlot;

namespace Dass.Grid.Evaluation.Plots;

/// <summary>Results as pictures (PNG).</summary>
public static class ResultPlots
{
    private const int Width = 1000;
    private const int Height = 600;

    // Retention of DASS-small in the paper's figure 1(c), digitised; in percent.
    private static readonly (double Seconds, double Retention)[] Paper = [
        (10, 100), (20, 98), (50, 93), (100, 89), (200, 83), (300, 79), (3600, 60), (9000, 51),
    ];

    /// <summary>
    /// Retention against length, beside the paper's curve: one line per method, level and reset, the mean over positions.
    /// </summary>
    public static void Save(IReadOnlyCollection<NiahRow> rows, string path)
    {
        var plot = new Plot();
        Line(
            plot,
            "DASS-small in the paper (mean)",
            Paper.Select(point => (Math.Log10(point.Seconds), point.Retention)),
            LinePattern.Dashed);
        foreach (var (name, points) in Lines(rows))
        {
            Line(plot, name, points.Select(point => (Math.Log10(Math.Max(10, point.Seconds)), point.Retention)), LinePattern.Solid);
        }
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericManual(
            [1, 2, 3, Math.Log10(3600), Math.Log10(9000), Math.Log10(86_400)], ["10 s", "100 s", "1000 s", "1 h", "2.5 h", "24 h"]);
        var haystack = rows.First().Haystack;
        plot.Title($"Needle in {(haystack == "zeros" ? "silence" : haystack)}");
        plot.ShowLegend(Alignment.LowerLeft);
        Finish(plot, "length of the recording", "retention of mAP, %", path);
    }

    /// <summary>A name and points (seconds, percent) for each method, level and reset.</summary>
    internal static IEnumerable<(string Name, IReadOnlyList<(double Seconds, double Retention)> Points)> Lines(
        IReadOnlyCollection<NiahRow> rows) => rows
        .GroupBy(row => (row.Method, row.SnrDb, row.ResetSeconds))
        .Select(line => (
            line.Key.Method + (line.First().Haystack == "zeros" ? "" : FormattableString.Invariant($", {line.Key.SnrDb} dB"))
                + (line.Key.ResetSeconds is { } reset ? FormattableString.Invariant($", reset every {reset} s") : ""),
            (IReadOnlyList<(double, double)>)[.. line.GroupBy(row => row.LengthSeconds)
                .Select(length => (length.Key, 100 * length.Average(row => row.Retention)))]));

    /// <summary>Streams per core against delay, one line per precision and chunk; each point with its loss of mAP.</summary>
    public static void Save(IReadOnlyCollection<LatencyRow> rows, string path)
    {
        var plot = new Plot();
        foreach (var line in rows.Where(row => row.Way == "stream").GroupBy(row => (row.Precision, row.ChunkSeconds)))
        {
            Line(
                plot,
                FormattableString.Invariant($"{line.Key.Precision}, chunk {line.Key.ChunkSeconds:0.00} s"),
                line.Select(row => (row.DelaySeconds, row.StreamsPerCore)),
                line.Key.Precision == "fp32" ? LinePattern.Solid : LinePattern.Dashed);
            foreach (var row in line)
            {
                var text = plot.Add.Text(FormattableString.Invariant($"{-100 * row.Loss:0.0}"), row.DelaySeconds, row.StreamsPerCore);
                (text.LabelFontSize, text.OffsetX, text.OffsetY) = (11, 4, -14);
            }
        }
        plot.Title("What latency saves, and what it costs: points of mAP against offline");
        plot.ShowLegend(Edge.Right); // lines fill the corners
        Finish(plot, "delay, s", "streams per core", path);
    }

    private static void Line(Plot plot, string name, IEnumerable<(double X, double Y)> points, LinePattern pattern)
    {
        (double X, double Y)[] sorted = [.. points.OrderBy(point => point.X)];
        var line = plot.Add.Scatter(sorted.Select(point => point.X).ToArray(), sorted.Select(point => point.Y).ToArray());
        (line.LegendText, line.LinePattern, line.LineWidth) = (name, pattern, 2);
    }

    private static void Finish(Plot plot, string x, string y, string path)
    {
        plot.XLabel(x);
        plot.YLabel(y);
        plot.SavePng(path, Width, Height);
    }
}
