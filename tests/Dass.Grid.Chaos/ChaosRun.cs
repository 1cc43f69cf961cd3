using System.Diagnostics;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Chaos;

/// <summary>One fault, injected into a fresh grid of three silos and two gateways under live streams and their subscribers.</summary>
internal sealed class ChaosRun(
    string fault, StoreServer store, NetworkIsland? island, string directory, ChaosOptions options, Action<string> say)
{
    public static readonly string[] Faults =
        [
            "none", "kill-young", "kill-silo", "hang-silo", "pause-silo", "network-pause", "kill-gateway", "drain-silo", "rolling-restart",
            "power-cut", "power-cut-young", "store-away", "full-disk",
        ];

    private const int Tenants = 3;
    private const int SocketEvery = 5; // streams
    private const int FullDiskCheckpointSeconds = 15; // some fail while the disk is full
    private const string Key = "chaos-key-of-tenant-";

    /// <summary>Streams have begun, and have no checkpoint yet.</summary>
    private static readonly TimeSpan Youth = TimeSpan.FromSeconds(3);

    /// <summary>For subscribers, once all streams have ended.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly List<GridProcess> _silos = [];
    private readonly List<GridProcess> _gateways = [];
    private TimeSpan? _readyAgain;

    private IEnumerable<GridProcess> Processes => _silos.Concat(_gateways);

    /// <summary>Whether a grid over the store can have the fault.</summary>
    public static bool IsPossible(string fault, string store) => fault switch
    {
        "store-away" => store is "redis" or "postgres",
        "full-disk" => store == "file",
        _ => true,
    };

    /// <summary>What this machine does not allow; null: nothing.</summary>
    public static string? Missing(string fault) => fault switch
    {
        "full-disk" when !SmallDisk.IsPossible => "it needs root, to mount a file system",
        "network-pause" when !NetworkIsland.IsPossible => "it needs root, ip and nft",
        _ => null,
    };

    public async Task<ChaosResult> RunAsync(
        IReadOnlyList<Audio16k> audio, IReadOnlyDictionary<int, Expected> expected, CancellationToken cancellationToken)
    {
        using var disk = fault == "full-disk" ? new SmallDisk(store.Files) : null;
        try
        {
            await StartAsync(cancellationToken);
            using var gateways = new Gateways(_gateways);
            var streams = Enumerable.Range(0, options.Streams).Select(i => new ChaosStream(
                $"{fault}-{i}", audio[i % audio.Count], gateways, Key + i % Tenants, first: i,
                overSocket: i % SocketEvery == SocketEvery - 1)).ToArray();
            var subscribers = Enumerable.Range(0, Tenants).SelectMany(tenant => Subscribers(streams, gateways, tenant)).ToArray();
            using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var subscribing = subscribers.Select(subscriber => subscriber.RunAsync(silence.Token)).ToArray();
            var feeding = streams.Select(async (stream, i) =>
            {
                await Task.Delay(20 * i, cancellationToken); // not all in the same millisecond
                await stream.RunAsync(cancellationToken);
            }).ToArray();
            await Task.Delay(FaultAfter(), cancellationToken);
            say($"{fault} on {store.Kind} …");
            await InjectAsync(disk, cancellationToken);
            await Task.WhenAll(feeding);
            silence.CancelAfter(Patience);
            await Task.WhenAll(subscribing);
            var runs = streams.Select((stream, i) => (stream, expected[audio[i % audio.Count].Variant])).ToArray();
            var records = await Records.CompareAsync(
                gateways, [.. Enumerable.Range(0, Tenants).Select(tenant => (Key + tenant, OfTenant(runs, tenant)))], cancellationToken);
            if (options.Verbose)
            {
                var pauses = streams.OrderBy(stream => stream.LongestGapAt)
                    .Select(stream => FormattableString.Invariant(
                        $"{stream.LongestGap.TotalSeconds:0.00} s at {stream.LongestGapAt.TotalSeconds:0.0} s"));
                say("pauses: " + string.Join(", ", pauses));
            }
            return ChaosResult.Compare(fault, store.Kind, runs, subscribers, records, _readyAgain);
        }
        finally
        {
            foreach (var process in Processes)
            {
                process.Dispose();
            }
        }
    }

    private IEnumerable<ChaosSubscriber> Subscribers(ChaosStream[] streams, Gateways gateways, int tenant)
    {
        string[] all = [.. OfTenant(streams, tenant).Select(stream => stream.Id)];
        return all.Length == 0 ? [] : ChaosSubscriber.Kinds.Select((kind, i) =>
        {
            string[] wanted = kind switch
            {
                "one" or "sse-one" => [all[i % all.Length]],
                "list" or "sse-list" => [.. all.Take(ChaosSubscriber.MaxListed)],
                _ => all,
            };
            return new ChaosSubscriber(kind, wanted, $"{fault}-", gateways, Key + tenant, first: i + tenant);
        });
    }

    private static T[] OfTenant<T>(T[] streams, int tenant) => [.. streams.Where((_, i) => i % Tenants == tenant)];

    private TimeSpan FaultAfter() => fault switch
    {
        "kill-young" or "power-cut-young" => Youth,
        "rolling-restart" => Youth, // it takes as long as the streams have audio
        "full-disk" => TimeSpan.FromSeconds(options.Seconds / 3.0),
        _ => TimeSpan.FromSeconds(options.Seconds * 2 / 3.0),
    };

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var settings = new Dictionary<string, string>(store.Settings)
        {
            ["Grid:Name"] = $"chaos-{Guid.NewGuid():N}"[..20],
            ["Grid:Models:built-in:Threads"] = "1",
            ["Grid:Models:built-in:MaxStreams"] = $"{options.Streams}",
            ["Grid:Models:built-in:ReservedShare"] = "0", // two of three silos may be gone
        };
        if ((fault == "full-disk" ? FullDiskCheckpointSeconds : options.CheckpointSeconds) is { } checkpoint)
        {
            settings["Grid:Streams:CheckpointInterval"] = $"{TimeSpan.FromSeconds(checkpoint)}";
        }
        if (island is not null)
        {
            settings["Grid:SiloAddress"] = island.Mainland;
        }
        for (var tenant = 0; tenant < Tenants; tenant++)
        {
            settings[$"Tenants:tenant{tenant}:KeyHashes:0"] = KeyHash.Create(Key + tenant).ToString();
        }
        _silos.AddRange(
            Enumerable.Range(1, 3).Select(
                i => new GridProcess("silo", settings, Path.Combine(directory, $"{fault}-silo{i}.log"), i == 1 ? island : null)));
        _gateways.AddRange(
            Enumerable.Range(1, 2).Select(i => new GridProcess("gateway", settings, Path.Combine(directory, $"{fault}-gateway{i}.log"))));
        foreach (var process in Processes)
        {
            process.Start();
        }
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Processes.Select(process => process.ReadyAsync(cancellationToken)));
        say($"ready after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
        await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken); // until the silos have reported their load
    }

    private async Task InjectAsync(SmallDisk? disk, CancellationToken cancellationToken)
    {
        var wait = (double seconds) => Task.Delay(TimeSpan.FromSeconds(seconds), cancellationToken);
        switch (fault)
        {
            case "kill-young":
                _silos[0].Signal("KILL");
                await wait(options.Seconds * 2 / 3.0 - Youth.TotalSeconds);
                _silos[1].Signal("KILL"); // with streams that have lost a silo before
                break;
            case "kill-silo":
                _silos[0].Signal("KILL");
                break;
            case "hang-silo":
                _silos[0].Signal("STOP");
                await wait(20);
                _silos[0].Signal("CONT"); // and it must find out that it is dead
                break;
            case "pause-silo":
                _silos[0].Signal("STOP");
                await wait(0.8);
                _silos[0].Signal("CONT");
                break;
            case "network-pause":
                island!.Cut();
                await wait(8);
                island.Mend(); // and the silo must find out that it is dead
                break;
            case "kill-gateway":
                _gateways[0].Signal("KILL");
                break;
            case "drain-silo":
                _silos[0].Signal("TERM");
                await _silos[0].ExitAsync();
                break;
            case "rolling-restart":
                foreach (var process in Processes)
                {
                    process.Signal("TERM");
                    await process.ExitAsync();
                    process.Start();
                    await process.ReadyAsync(cancellationToken);
                }
                break;
            case "power-cut" or "power-cut-young":
                await CutPowerAsync(cancellationToken);
                break;
            case "store-away":
                await store.StopAsync();
                await wait(20);
                await store.StartAsync(cancellationToken);
                break;
            case "full-disk":
                disk!.Fill();
                await wait(1.5 * FullDiskCheckpointSeconds);
                disk.Empty();
                _silos[0].Signal("KILL"); // the checkpoints of before must still be there
                break;
        }
    }

    /// <summary>All processes die at once, and come back as on other machines; the membership still lists the dead.</summary>
    private async Task CutPowerAsync(CancellationToken cancellationToken)
    {
        foreach (var process in Processes)
        {
            process.Signal("KILL");
        }
        await Task.WhenAll(Processes.Select(process => process.ExitAsync()));
        var began = Stopwatch.GetTimestamp();
        foreach (var process in Processes)
        {
            process.StartElsewhere();
        }
        await Task.WhenAll(Processes.Select(process => process.ReadyAsync(cancellationToken)));
        _readyAgain = Stopwatch.GetElapsedTime(began);
    }
}
