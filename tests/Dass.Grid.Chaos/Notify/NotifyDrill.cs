using System.Diagnostics;
using System.Text.Json;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Chaos.Notify;

/// <summary>
/// <c>dass notify</c> under live streams, while it, its receiver and a gateway are killed in turn: every event of every rule must arrive,
/// in order per stream, and a receiver that obeys the id must see none twice.
/// </summary>
internal sealed class NotifyDrill(string directory, int streams, int seconds, Action<string> say)
{
    private const string Key = "drill-key-of-a-tenant";
    private static readonly TimeSpan Between = TimeSpan.FromSeconds(12); // two kills
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90); // for what is still on its way at the end

    private readonly List<Killed> _kills = [];

    public async Task<NotifyResult> RunAsync(CancellationToken cancellationToken)
    {
        await using var store = new StoreServer("redis", directory, "127.0.0.1");
        await store.StartAsync(cancellationToken);
        var settings = new Dictionary<string, string>(store.Settings)
        {
            ["Grid:Name"] = $"drill-{Guid.NewGuid():N}"[..20],
            ["Grid:Models:built-in:Threads"] = "1",
            ["Grid:Models:built-in:MaxStreams"] = $"{streams}",
            ["Grid:Models:built-in:ReservedShare"] = "0", // all of it is for one tenant
            ["Tenants:yards:KeyHashes:0"] = KeyHash.Create(Key).ToString(),
        };
        using var silo = new GridProcess("silo", settings, Path.Combine(directory, "silo.log"));
        using var first = new GridProcess("gateway", settings, Path.Combine(directory, "gateway1.log"));
        using var second = new GridProcess("gateway", settings, Path.Combine(directory, "gateway2.log"));
        GridProcess[] processes = [silo, first, second];
        Array.ForEach(processes, process => process.Start());
        await Task.WhenAll(processes.Select(process => process.ReadyAsync(cancellationToken)));
        await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken); // until the silo has reported its load

        using var receiver = new DrillProcess(
            Path.Combine(directory, "receiver.log"), [.. DrillProcess.Self, "receiver", $"{GridProcess.FreePort()}", Received]);
        receiver.Start();
        await File.WriteAllTextAsync(Rules, NotifyRules.Text(receiver.Port, Path.Combine(directory, "events.jsonl")), cancellationToken);
        // By the gateway that is killed, so that it has to come back.
        using var notify = new DrillProcess(
            Path.Combine(directory, "notify.log"),
            [.. DrillProcess.Dass, "notify", Rules, "--grid", $"{second.Address}", "--state", Path.Combine(directory, "state"), "--format",
                "json"],
            Key);
        notify.Start();
        await notify.SaidAsync("\"ready\"", cancellationToken);

        say($"{streams} streams for {seconds} s …");
        using var gateways = new Gateways([first, second]);
        var feeding = Enumerable.Range(0, streams).Select(i => new ChaosStream(
            $"yard-{i}", new Audio16k(i, seconds, bursts: true), gateways, Key, first: i, overSocket: false)).ToArray();
        var running = feeding.Select(async (stream, i) =>
        {
            await Task.Delay(200 * i, cancellationToken);
            await stream.RunAsync(cancellationToken);
        }).ToArray();
        var all = Task.WhenAll(running);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var killing = KillAsync(notify, receiver, second, stop.Token);
        await all;
        await stop.CancelAsync();
        await killing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await EnsureAsync(notify, receiver, second, cancellationToken);

        var closed = feeding.SelectMany(stream => stream.Closed.Select(each => (stream.Id, each))).ToDictionary(
            each => (each.Id, each.each.Key), each => each.each.Value);
        var failures = feeding.Where(stream => stream.Failure is not null).Select(stream => $"{stream.Id}: {stream.Failure}").ToArray();
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < Patience;)
        {
            if (Messages().Select(message => (message.Rule, message.Stream, message.Event)).Distinct().Count()
                >= closed.Count * NotifyRules.All.Count)
            {
                break;
            }
            await Task.Delay(500, cancellationToken);
        }
        await Task.Delay(TimeSpan.FromSeconds(10), cancellationToken); // for what should not come
        return NotifyResult.Compare(closed, Messages(), LinesOfFile(), _kills, failures);
    }

    private string Rules => Path.Combine(directory, "rules.json");

    private string Received => Path.Combine(directory, "received.jsonl");

    private DrillMessage[] Messages() => DrillMessage.ReadAll(Received);

    private string[] LinesOfFile() =>
    [
        .. File.ReadAllLines(Path.Combine(directory, "events.jsonl")).Where(line => line.EndsWith('}'))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("data").GetProperty("id").GetString()!),
    ];

    private async Task KillAsync(DrillProcess notify, DrillProcess receiver, GridProcess gateway, CancellationToken cancellationToken)
    {
        for (var turn = 0; ; turn++)
        {
            // Not at the same phase of the streams each time.
            await Task.Delay(Between + TimeSpan.FromSeconds(Random.Shared.NextDouble() * 3), cancellationToken);
            var what = (turn % 3) switch { 0 => "notify", 1 => "receiver", _ => "gateway" };
            _kills.Add(new Killed(what, TimeProvider.System.GetUtcNow().UtcDateTime));
            switch (what)
            {
                case "gateway":
                    gateway.Signal("KILL");
                    await gateway.ExitAsync();
                    await Task.Delay(Away, cancellationToken);
                    gateway.Start();
                    await gateway.ReadyAsync(cancellationToken);
                    break;
                default:
                    var process = what == "notify" ? notify : receiver;
                    await process.KillAsync();
                    await Task.Delay(Away, cancellationToken);
                    process.Start();
                    break;
            }
        }
    }

    private static async Task EnsureAsync(
        DrillProcess notify, DrillProcess receiver, GridProcess gateway, CancellationToken cancellationToken)
    {
        if (!notify.IsRunning)
        {
            notify.Start();
        }
        if (!receiver.IsRunning)
        {
            receiver.Start();
        }
        if (!gateway.IsRunning)
        {
            gateway.Start();
        }
        await gateway.ReadyAsync(cancellationToken);
    }
}

/// <param name="What">Which process.</param>
/// <param name="At">When, UTC.</param>
internal sealed record Killed(string What, DateTime At);
