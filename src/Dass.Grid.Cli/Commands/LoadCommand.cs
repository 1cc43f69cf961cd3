using System.CommandLine;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Load;
using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass load</c>: how much a grid takes, and how late its tags are.</summary>
internal static class LoadCommand
{
    public static Command Create()
    {
        var (grid, format, chunk, lookAhead) =
            (Options.Grid("start one inside this process"), Options.Format(), Options.Chunk(), Options.LookAhead());
        var budget = Options.LatencyBudget();
        var keyFiles = new Option<string[]>("--api-key-file")
        {
            HelpName = "FILE",
            Description = "File with a tenant's API key for --grid; several tenants share the streams "
                + $"(default: the variable {GridConnection.KeyVariable}).",
        };
        var model = Options.GridModel();
        var streams = Options.Whole("--streams", "Streams at once,", 1, 100_000, absent: 1);
        var seconds = Options.Whole("--seconds", "Audio of each stream in seconds,", 1, 86_400, absent: 30);
        var file = new Option<string?>("--file")
        {
            HelpName = "FILE",
            Description =
                $"Recording that every stream plays, again and again; its first {LoadRecording.MaxHeldSeconds} s (default: noise).",
        };
        var realtime = new Option<bool>("--realtime")
        {
            Description = "Send at the speed of the audio (default: as fast as the grid takes it).",
        };
        var command = new Command(
            "load",
            "Puts load on a grid. A chunk's latency runs from when the last sample that it needs, look-ahead included, was sent "
            + "(with --realtime: was due) to when its tags came; without --realtime it is mostly waiting.")
        {
            grid, keyFiles, model, streams, seconds, file, realtime, chunk, lookAhead, budget, format,
        };
        command.Validators.Add(result =>
        {
            if (result.ValueOr(grid, Options.DefaultGrid) is null && result.GetValue(keyFiles) is { Length: > 0 })
            {
                result.AddError("--api-key-file goes with --grid: the grid inside this process has no keys.");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (count, length) = (parsed.GetValue(streams)!.Value, parsed.GetValue(seconds)!.Value);
            var recording = parsed.GetValue(file) is { } name
                ? await LoadRecording.OpenAsync(name, length, cancellationToken).ConfigureAwait(false)
                : LoadRecording.Noise(length);
            var tenants = new List<LoadTenant>();
            try
            {
                if (parsed.GetValue(grid) is not { } address)
                {
                    var embedded = await GridConnection.EmbedAsync(parsed.GetValue(model), cancellationToken, count).ConfigureAwait(false);
                    tenants.Add(new(embedded, new LoadTally(tenant: null)));
                }
                else
                {
                    foreach (var keyFile in parsed.GetValue(keyFiles) is { Length: > 0 } files ? files : (string?[])[null])
                    {
                        tenants.Add(new(GridConnection.Open(address, keyFile), new LoadTally(keyFile)));
                    }
                }
                var config = new StreamConfig
                {
                    Model = parsed.GetValue(grid) is null ? "" : parsed.GetValue(model) ?? "",
                    Chunk = parsed.GetValue(chunk)?.ToDuration(),
                    LookAhead = parsed.GetValue(lookAhead)?.ToDuration(),
                    LatencyBudget = parsed.GetValue(budget)?.ToDuration(),
                    Filter = new TagFilter { Top = 1 },
                };
                var run = new LoadRun(tenants, recording, config, parsed.GetValue(realtime), TimeProvider.System);
                return await RunAsync(
                    run, tenants, count, length, Options.Session(parsed, chunk, lookAhead).Chunk, parsed.GetValue(format),
                    cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                foreach (var tenant in tenants)
                {
                    await tenant.Grid.DisposeAsync().ConfigureAwait(false);
                }
            }
        });
        return command;
    }

    /// <summary>The report is written even when a person has had enough.</summary>
    private static async Task<int> RunAsync(
        LoadRun run, List<LoadTenant> tenants, int streams, int seconds, TimeSpan spread, OutputFormat format,
        CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetTimestamp();
        try
        {
            await Terminal.WithProgressAsync(
                $"{streams} streams",
                report => run.RunAsync(
                    streams, spread, audio => report(audio / ((double)streams * seconds)), cancellationToken)).ConfigureAwait(false);
        }
        finally
        {
            var wall = TimeProvider.System.GetElapsedTime(began);
            Terminal.Note(run.Note);
            var tallies = tenants.Select(tenant => tenant.Tally).ToList();
            LoadReport.Write([.. tallies.Count > 1 ? tallies : [], LoadTally.Sum(tallies)], wall, format);
        }
        foreach (var (reason, count) in run.Failures.OrderByDescending(failure => failure.Value))
        {
            Console.Error.WriteLine($"dass: {count} of {streams} streams: {reason}");
        }
        return run.Failures.Count > 0 ? Invocation.Failure : Invocation.Success;
    }
}
