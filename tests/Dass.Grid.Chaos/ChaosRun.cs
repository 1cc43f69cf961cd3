using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Net.Client;

namespace Dass.Grid.Chaos;

/// <summary>One fault, injected into a fresh grid of three silos and two gateways under live streams.</summary>
internal sealed class ChaosRun(
    string fault, StoreServer store, NetworkIsland? island, string directory, ChaosOptions options, Action<string> say)
{
    public static readonly string[] Faults =
        [
            "none", "kill-silo", "hang-silo", "pause-silo", "network-pause", "kill-gateway", "drain-silo", "rolling-restart", "store-away",
            "full-disk",
        ];

    private const int Tenants = 3;
    private const string Key = "chaos-key-of-tenant-";

    private readonly List<GridProcess> _silos = [];
    private readonly List<GridProcess> _gateways = [];

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
            var channels = _gateways.Select(gateway => GrpcChannel.ForAddress(gateway.Address, new GrpcChannelOptions
            {
                HttpHandler = new SocketsHttpHandler
                {
                    EnableMultipleHttp2Connections = true,
                    KeepAlivePingDelay = TimeSpan.FromSeconds(1),
                    KeepAlivePingTimeout = TimeSpan.FromSeconds(1),
                    KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
                },
            })).ToArray();
            var clients = channels.Select(channel => new Tagging.TaggingClient(channel)).ToArray();
            var streams = Enumerable.Range(0, options.Streams)
                .Select(i => new ChaosStream($"{fault}-{i}", audio[i % audio.Count], clients, Key + i % Tenants, first: i)).ToArray();
            var running = streams.Select(async (stream, i) =>
            {
                await Task.Delay(20 * i, cancellationToken); // not all in the same millisecond
                await stream.RunAsync(cancellationToken);
            }).ToArray();
            await Task.Delay(TimeSpan.FromSeconds(options.Seconds / 3.0), cancellationToken);
            say($"{fault} on {store.Kind} …");
            await InjectAsync(disk, cancellationToken);
            await Task.WhenAll(running);
            Array.ForEach(channels, channel => channel.Dispose());
            if (options.Verbose)
            {
                var pauses = streams.OrderBy(stream => stream.LongestGapAt)
                    .Select(stream => FormattableString.Invariant(
                        $"{stream.LongestGap.TotalSeconds:0.00} s at {stream.LongestGapAt.TotalSeconds:0.0} s"));
                say("pauses: " + string.Join(", ", pauses));
            }
            return ChaosResult.Compare(
                fault, store.Kind, [.. streams.Select((stream, i) => (stream, expected[audio[i % audio.Count].Variant]))]);
        }
        finally
        {
            foreach (var process in _gateways.Concat(_silos))
            {
                process.Dispose();
            }
        }
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var settings = new Dictionary<string, string>(store.Settings)
        {
            ["Grid:Name"] = $"chaos-{Guid.NewGuid():N}"[..20],
            ["Grid:Models:built-in:Threads"] = "1",
            ["Grid:Models:built-in:MaxStreams"] = $"{options.Streams}",
            ["Grid:Streams:CheckpointInterval"] = $"00:00:{options.CheckpointSeconds:00}",
        };
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
        foreach (var process in _silos.Concat(_gateways))
        {
            process.Start();
        }
        await Task.WhenAll(_silos.Concat(_gateways).Select(process => process.ReadyAsync(cancellationToken)));
        await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken); // until the silos have reported their load
    }

    private async Task InjectAsync(SmallDisk? disk, CancellationToken cancellationToken)
    {
        var wait = (double seconds) => Task.Delay(TimeSpan.FromSeconds(seconds), cancellationToken);
        switch (fault)
        {
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
                foreach (var process in _silos.Concat(_gateways))
                {
                    process.Signal("TERM");
                    await process.ExitAsync();
                    process.Start();
                    await process.ReadyAsync(cancellationToken);
                }
                break;
            case "store-away":
                await store.StopAsync();
                await wait(20);
                await store.StartAsync(cancellationToken);
                break;
            case "full-disk":
                disk!.Fill();
                await wait(1.5 * options.CheckpointSeconds);
                disk.Empty();
                _silos[0].Signal("KILL"); // the checkpoints of before must still be there
                break;
        }
    }
}
