using System.Globalization;
using System.Text.Json;
using Dass.Grid.Notify.Routes;
using Spectre.Console;

namespace Dass.Grid.Cli.Output;

/// <summary>How rules stand: a table that redraws itself for a person, lines or objects for a pipe.</summary>
internal static class RouteView
{
    /// <summary>Shows what <paramref name="reports"/> gives until it is told to stop.</summary>
    /// <param name="reports">All rules with their destinations, now.</param>
    /// <param name="isJson">Objects instead of lines.</param>
    /// <param name="interval">Between lines of a rule that has not changed.</param>
    /// <param name="clock">The time of day.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static Task ShowAsync(
        Func<IReadOnlyList<RouteReport>> reports, bool isJson, TimeSpan interval, TimeProvider clock,
        CancellationToken cancellationToken)
    {
        var view = new StatusView<RouteReport>(reports, clock);
        return !isJson && Terminal.IsInteractive
            ? view.DrawAsync(Draw, cancellationToken)
            : view.WriteAsync(
                report => ($"{report.Rule}@{report.Destination}", (report.State, report.Note, report.Sent)),
                (report, now) => Write(report, isJson, now.UtcDateTime), interval, cancellationToken);
    }

    private static Table Draw(IReadOnlyList<RouteReport> reports, DateTimeOffset now)
    {
        var table = Terminal.NewTable().AddColumns("rule", "to", "state")
            .AddColumn("waiting", column => column.RightAligned())
            .AddColumn("sent", column => column.RightAligned())
            .AddColumn("given up", column => column.RightAligned())
            .AddColumn("last sent", column => column.RightAligned())
            .AddColumn("last");
        foreach (var report in reports)
        {
            var color = report.State is RouteState.Ready or RouteState.Sending ? "green" : "yellow";
            table.AddRow(
                Markup.Escape(report.Rule), Markup.Escape($"{report.Destination} ({report.Shown})"), $"[{color}]{Name(report.State)}[/]",
                $"{report.Waiting}", $"{report.Sent}", $"{report.GivenUp}", Ago(report, now.UtcDateTime),
                Markup.Escape(report.Note.Length > 0 ? report.Note : report.Last));
        }
        return table;
    }

    private static void Write(RouteReport report, bool isJson, DateTime now)
    {
        if (isJson)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(
                new
                {
                    time = now,
                    rule = report.Rule,
                    to = report.Destination,
                    address = report.Shown,
                    state = Name(report.State),
                    waiting = report.Waiting,
                    sent = report.Sent,
                    given_up = report.GivenUp,
                    last_sent = report.LastSent,
                    last = report.Last,
                    delay_seconds = report.Delay?.TotalSeconds,
                    note = report.Note,
                },
                Scores.Json));
            return;
        }
        var time = now.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);
        Console.Out.WriteLine(
            $"{time}  {report.Rule} to {report.Destination}  {Name(report.State)}  waiting {report.Waiting}  sent {report.Sent}"
            + $"  given up {report.GivenUp}  last sent {Ago(report, now)}  {(report.Note.Length > 0 ? report.Note : report.Last)}");
    }

    private static string Name(RouteState state) => state switch
    {
        RouteState.NoGrid => "no grid",
        RouteState.NoState => "no state",
        _ => state.ToString().ToLowerInvariant(),
    };

    private static string Ago(RouteReport report, DateTime now) => report.LastSent is not { } last ? "never"
        : (now - last) switch
        {
            { TotalSeconds: < 2 } => "now",
            { TotalSeconds: < 120 } ago => $"{ago.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s ago",
            { TotalMinutes: < 120 } ago => $"{ago.TotalMinutes.ToString("0", CultureInfo.InvariantCulture)} min ago",
            var ago => $"{ago.TotalHours.ToString("0", CultureInfo.InvariantCulture)} h ago",
        };
}
