using System.CommandLine;
using Dass.Grid.Cli.Clips;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.Cli.Sources;
using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass feed</c>: a supervised set of live sources, each a stream of its own.</summary>
internal static class FeedCommand
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);

    public static Command Create()
    {
        var file = new Argument<string>("SOURCES.json")
        {
            Description = "{\"sources\": [{\"id\": \"yard\", \"url\": \"rtsp://…\"}]}; a source has one of url, device "
                + "(alsa:NAME, pulse:NAME), command, pipe and folder. Is read again when it changes.",
        }.RefusingOptions();
        var (grid, keyFile) = (Options.Grid($"{Options.DefaultGrid}, where 'dass serve' answers"), Options.KeyFile());
        var format = Options.Word("--format", "table for people; json (one object per line) for programs.", FeedFormat.Table);
        var metrics = new Option<Uri?>("--metrics")
        {
            HelpName = "URL",
            Description = "Answer Prometheus at URL/metrics, e.g. http://127.0.0.1:9464 (default: not).",
            CustomParser = result =>
            {
                if (Uri.TryCreate(result.Tokens[0].Value, UriKind.Absolute, out var uri) && uri.Scheme == "http")
                {
                    return uri;
                }
                result.AddError($"--metrics is '{result.Tokens[0].Value}'; it must be an http address such as http://127.0.0.1:9464.");
                return null;
            },
        };
        var interval = Options.Span(
            "--status-interval", "In a pipe: time between lines of a source that has not changed.", TimeSpan.FromMinutes(1));
        var (live, clips) = (new LiveOptions(), new ClipOptions());
        var command = new Command("feed", "Feeds a set of live sources to a grid for ever, and shows how each stands.")
        {
            file, grid, keyFile, format, metrics, interval,
        };
        Array.ForEach([.. live.All, .. clips.All], command.Add);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (path, kept) = (parsed.GetValue(file)!, clips.From(parsed));
            var read = FollowedFile.WrittenUtc(path); // before it is read, so that a change from then on is seen
            var specs = await SourceFile.ReadAsync(path, cancellationToken).ConfigureAwait(false);
            if (specs.Any(spec => spec.NeedsFfmpeg))
            {
                SourceInput.RequireFfmpeg();
            }
            await using var connection = GridConnection.Open(parsed.GetValue(grid) ?? Options.DefaultGrid, parsed.GetValue(keyFile));
            if (kept is not null)
            {
                await kept.CheckAsync(connection.Client, specs.SelectMany(spec => spec.EventLabels), cancellationToken)
                    .ConfigureAwait(false);
            }
            if (specs.Count == 0)
            {
                Terminal.Note($"{path} has no sources yet; it is read again when it changes.");
            }
            var supervisor = new SourceSupervisor(connection.Client, live.From(parsed), kept);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await using var serving = parsed.GetValue(metrics) is { } address
                ? await SourceMetrics.ServeAsync(address, () => supervisor.Reports, TimeProvider.System, cancellationToken)
                    .ConfigureAwait(false)
                : null;
            var showing = SourceView.ShowAsync(
                () => supervisor.Reports, parsed.GetValue(format) == FeedFormat.Json ? OutputFormat.Json : OutputFormat.Table,
                parsed.GetValue(interval), TimeProvider.System, stop.Token);
            await supervisor.ApplyAsync(specs, stop.Token).ConfigureAwait(false);
            try
            {
                await FollowAsync(path, read, supervisor, stop.Token).ConfigureAwait(false);
            }
            finally
            {
                await stop.CancelAsync().ConfigureAwait(false);
                await supervisor.CompletionAsync().ConfigureAwait(false);
                await showing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            return supervisor.HasFailed ? Invocation.Failure : Invocation.Success;
        });
        return command;
    }

    /// <summary>Applies the file whenever it changes; a file that cannot be used changes nothing.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="read">When what has been applied was written, UTC.</param>
    /// <param name="supervisor">Gets what changes.</param>
    /// <param name="cancellationToken">Ends it.</param>
    private static async Task FollowAsync(string path, DateTime read, SourceSupervisor supervisor, CancellationToken cancellationToken)
    {
        while (!supervisor.CompletionAsync().IsCompleted || supervisor.Reports.Count == 0)
        {
            await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
            if (FollowedFile.WrittenUtc(path) is var written && written == read)
            {
                continue;
            }
            read = written;
            try
            {
                var specs = await SourceFile.ReadAsync(path, cancellationToken).ConfigureAwait(false);
                if (specs.Any(spec => spec.NeedsFfmpeg))
                {
                    SourceInput.RequireFfmpeg();
                }
                await supervisor.ApplyAsync(specs, cancellationToken).ConfigureAwait(false);
                Terminal.Note($"{path} has changed: {specs.Count} sources.");
            }
            catch (Exception broken) when (broken is FormatException or IOException or UnauthorizedAccessException)
            {
                Terminal.Note($"{path} has changed, and the sources of before go on. {broken.Message}");
            }
        }
    }

    private enum FeedFormat
    {
        Table,
        Json,
    }
}
