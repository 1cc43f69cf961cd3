using System.Globalization;
using System.Text.Json;
using Dass.Grid.Cli.Output;
using Spectre.Console;

namespace Dass.Grid.Cli.Load;

/// <summary>What <c>dass load</c> measured: a row per tenant, if there are several, and one for all.</summary>
internal static class LoadReport
{
    /// <param name="rows">Tenants, then all.</param>
    /// <param name="wall">How long it took.</param>
    /// <param name="format">How it is written.</param>
    public static void Write(IReadOnlyList<LoadTally> rows, TimeSpan wall, OutputFormat format)
    {
        var write = format switch
        {
            OutputFormat.Json => WriteJson,
            OutputFormat.Csv => WriteCsv,
            _ => (Action<IReadOnlyList<LoadTally>, TimeSpan>)WriteTable,
        };
        write(rows, wall);
    }

    private static void WriteJson(IReadOnlyList<LoadTally> rows, TimeSpan wall)
    {
        foreach (var row in rows)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(
                new
                {
                    tenant = row.Tenant,
                    streams = row.Streams,
                    wall_seconds = wall.TotalSeconds,
                    audio_seconds = row.AudioSeconds,
                    realtime_factor = Factor(row, wall),
                    chunks = row.Chunks,
                    missing = row.Missing,
                    latency_p50 = row.Latencies.Quantile(0.5),
                    latency_p90 = row.Latencies.Quantile(0.9),
                    latency_p99 = row.Latencies.Quantile(0.99),
                    latency_max = row.Latencies.Max,
                    interruptions = row.Interruptions,
                    refused = row.Refused,
                    failed = row.Failed,
                },
                Scores.Json));
        }
    }

    private static void WriteCsv(IReadOnlyList<LoadTally> rows, TimeSpan wall)
    {
        Console.Out.WriteLine(
            "tenant,streams,wall_seconds,audio_seconds,realtime_factor,chunks,missing,"
            + "latency_p50,latency_p90,latency_p99,latency_max,interruptions,refused,failed");
        foreach (var row in rows)
        {
            var latencies = row.Latencies;
            Console.Out.WriteLine(
                FormattableString.Invariant($"{Scores.Csv(row.Tenant ?? "")},{row.Streams},{wall.TotalSeconds:R},{row.AudioSeconds:R},")
                + FormattableString.Invariant(
                    $"{Factor(row, wall):R},{row.Chunks},{row.Missing},{latencies.Quantile(0.5):R},{latencies.Quantile(0.9):R},")
                + FormattableString.Invariant(
                    $"{latencies.Quantile(0.99):R},{latencies.Max:R},{row.Interruptions},{row.Refused},{row.Failed}"));
        }
    }

    private static void WriteTable(IReadOnlyList<LoadTally> rows, TimeSpan wall)
    {
        var table = Terminal.NewTable().AddColumns(
            "tenant", "streams", "audio", "× real time", "chunks", "missing", "p50", "p90", "p99", "max", "interruptions", "refused",
            "failed");
        foreach (var row in rows)
        {
            table.AddRow(
                Markup.Escape(row.Tenant ?? "all"),
                Text(row.Streams),
                $"{Text(row.AudioSeconds, "0.0")} s",
                Text(Factor(row, wall), "0.0"),
                Text(row.Chunks),
                Text(row.Missing),
                Latency(row.Latencies.Quantile(0.5)),
                Latency(row.Latencies.Quantile(0.9)),
                Latency(row.Latencies.Quantile(0.99)),
                Latency(row.Latencies.Max),
                Text(row.Interruptions),
                Text(row.Refused),
                Text(row.Failed));
        }
        AnsiConsole.Write(table);
    }

    private static double Factor(LoadTally row, TimeSpan wall) => row.AudioSeconds / wall.TotalSeconds;

    private static string Latency(double? seconds) => seconds is { } value ? $"{Text(value * 1_000, "0")} ms" : "-";

    private static string Text(double value, string format = "0") => value.ToString(format, CultureInfo.InvariantCulture);
}
