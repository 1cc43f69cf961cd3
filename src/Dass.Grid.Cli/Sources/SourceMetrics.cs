using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Dass.Grid.Host;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Cli.Sources;

/// <summary>The status of all sources at <c>/metrics</c>, as Prometheus reads it.</summary>
internal static class SourceMetrics
{
    /// <summary>Answers until it is disposed.</summary>
    /// <param name="address">Where, e.g. http://127.0.0.1:9464.</param>
    /// <param name="reports">All sources, now.</param>
    /// <param name="clock">The time of day.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="IOException">The port is taken or forbidden.</exception>
    public static async Task<IAsyncDisposable> ServeAsync(
        Uri address, Func<IReadOnlyList<SourceReport>> reports, TimeProvider clock, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add(address.GetLeftPart(UriPartial.Authority));
        app.MapGet("/metrics", () => Results.Text(
            Text(reports(), clock.GetUtcNow()), "text/plain; version=0.0.4; charset=utf-8", System.Text.Encoding.UTF8));
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
            return app;
        }
        catch (Exception refused) when (refused is IOException or SocketException)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw GridPorts.Refused("--metrics", address.OriginalString, refused);
        }
    }

    internal static string Text(IReadOnlyList<SourceReport> reports, DateTimeOffset now)
    {
        var text = new StringBuilder();
        void Metric(string name, string type, string help, Func<SourceReport, double?> value)
        {
            text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");
            foreach (var report in reports)
            {
                if (value(report) is { } number)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{name}{{dass_source=\"{report.Id}\"}} {number:R}\n");
                }
            }
        }
        text.Append("# HELP dass_source_state 1 for the state in which the source is.\n# TYPE dass_source_state gauge\n");
        foreach (var report in reports)
        {
            foreach (var state in Enum.GetValues<SourceState>())
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"dass_source_state{{dass_source=\"{report.Id}\",dass_state=\"{SourceView.Name(state)}\"}} "
                    + $"{(report.State == state ? 1 : 0)}\n");
            }
        }
        Metric(
            "dass_source_last_audio_timestamp_seconds", "gauge", "When the source last gave audio, Unix time.",
            report => report.LastAudio is { } last ? last.ToUnixTimeMilliseconds() / 1000.0 : null);
        Metric("dass_source_level_dbfs", "gauge", "Level of the last audio; absent while there is none.", report => report.LevelDb);
        Metric("dass_source_restarts_total", "counter", "How often the source was begun again.", report => report.Restarts);
        Metric(
            "dass_source_delay_seconds", "gauge", "From the last audio of a chunk to its tags.", report => report.Delay?.TotalSeconds);
        Metric(
            "dass_source_missing_seconds_total", "counter", "Time in which the source gave nothing.",
            report => report.Missing.TotalSeconds);
        Metric(
            "dass_source_left_out_seconds_total", "counter", "Audio beyond the time that has passed, which was left out.",
            report => report.LeftOut.TotalSeconds);
        Metric(
            "dass_source_dropped_seconds_total", "counter", "Audio that was dropped while the grid was away.",
            report => report.Dropped.TotalSeconds);
        return text.ToString();
    }
}
