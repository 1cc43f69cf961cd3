using System.Diagnostics;
using Dass.Grid.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Chaos.Drill;

/// <summary>
/// Does each fault fire its own alert in a real Prometheus, soon enough to help, and does the alert go when the fault does? A grid of three
/// silos and two gateways on Redis, with live streams.
/// </summary>
internal sealed class AlertDrill(StoreServer store, string directory, Action<string> say)
{
    private const int Streams = 12;

    /// <summary>Streams whose every step computes 5.44 s of audio for 0.32 s of it: more than these silos' threads can.</summary>
    private const int Heavy = 120;

    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(45); // rates over a minute have seen the load
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    private readonly List<GridProcess> _silos = [];
    private readonly List<GridProcess> _gateways = [];

    public async Task<IReadOnlyList<DrillResult>> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await StartAsync(cancellationToken);
            using var prometheus = new Prometheus(
                directory, _silos.Concat(_gateways).Select(process => $"127.0.0.1:{process.OperationsPort}"));
            using var gateways = new Gateways(_gateways);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var feeding = Feed(gateways, Streams, "calm", look: TimeSpan.Zero, chunk: null, over.Token);
            await Task.Delay(Calm, cancellationToken);
            if (await prometheus.FiringAsync(cancellationToken) is { Count: > 0 } early)
            {
                say($"before any fault: {string.Join(", ", early)}");
            }
            var results = new List<DrillResult>();
            foreach (var step in Steps(gateways, over.Token))
            {
                results.Add(await TakeAsync(step, prometheus, cancellationToken));
            }
            await over.CancelAsync();
            await Task.WhenAll(feeding).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return results;
        }
        finally
        {
            foreach (var process in _silos.Concat(_gateways))
            {
                process.Dispose();
            }
        }
    }

    private IEnumerable<DrillStep> Steps(Gateways gateways, CancellationToken over)
    {
        yield return new DrillStep(
            "store away", "StoreSlow", _ => store.StopAsync(), store.StartAsync);
        CancellationTokenSource? heavy = null;
        Task[] feeding = [];
        yield return new DrillStep(
            "device saturated", "DeviceSaturated",
            _ =>
            {
                heavy = CancellationTokenSource.CreateLinkedTokenSource(over);
                feeding = Feed(gateways, Heavy, "heavy", TimeSpan.FromSeconds(5.12), TimeSpan.FromSeconds(0.32), heavy.Token);
                return Task.CompletedTask;
            },
            async _ =>
            {
                await heavy!.CancelAsync();
                await Task.WhenAll(feeding).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            });
        yield return new DrillStep(
            "silo killed", "SiloMissing",
            _ =>
            {
                _silos[0].Signal("KILL");
                return Task.CompletedTask;
            },
            cancellationToken => RestartAsync(_silos[0], cancellationToken));
        yield return new DrillStep(
            "silo hangs", "GatewayNotReady",
            _ =>
            {
                _silos[1].Signal("STOP");
                return Task.CompletedTask;
            },
            cancellationToken =>
            {
                _silos[1].Signal("KILL"); // what its supervisor does when its probe fails
                return RestartAsync(_silos[1], cancellationToken);
            });
    }

    private async Task<DrillResult> TakeAsync(DrillStep step, Prometheus prometheus, CancellationToken cancellationToken)
    {
        say($"{step.Name} …");
        var others = new SortedSet<string>(StringComparer.Ordinal);
        var began = Stopwatch.GetTimestamp();
        await step.Begin(cancellationToken);
        var fired = await UntilAsync(firing => firing.Contains(step.Alert), began, DrillResult.FiresWithin);
        say(fired is { } seconds ? $"{step.Alert} fires after {seconds:0} s" : $"{step.Alert} DOES NOT FIRE");
        var mended = Stopwatch.GetTimestamp();
        await step.Mend(cancellationToken);
        var cleared = await UntilAsync(firing => firing.Count == 0, mended, DrillResult.ClearsWithin);
        say(cleared is { } clear ? $"all clear {clear:0} s after the repair began" : "NOT CLEAR");
        return new DrillResult(step.Name, step.Alert, fired, cleared, others);

        async Task<double?> UntilAsync(Func<IReadOnlySet<string>, bool> holds, long since, TimeSpan within)
        {
            while (Stopwatch.GetElapsedTime(since) <= within)
            {
                var firing = await prometheus.FiringAsync(cancellationToken);
                others.UnionWith(firing.Where(alert => alert != step.Alert));
                if (holds(firing))
                {
                    return Math.Round(Stopwatch.GetElapsedTime(since).TotalSeconds, 1);
                }
                await Task.Delay(Poll, cancellationToken);
            }
            return null;
        }
    }

    private static async Task RestartAsync(GridProcess process, CancellationToken cancellationToken)
    {
        await process.ExitAsync();
        process.Start();
        await process.ReadyAsync(cancellationToken);
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var settings = new Dictionary<string, string>(store.Settings)
        {
            ["Grid:Name"] = $"drill-{Guid.NewGuid():N}"[..20],
            ["Grid:Models:built-in:Threads"] = "1",
            ["Grid:Streams:MaxLiveWait"] = "00:01:00", // the device is to be saturated, not to be spared
        };
        _silos.AddRange(Enumerable.Range(1, 3).Select(
            i => new GridProcess("silo", settings, Path.Combine(directory, $"silo{i}.log"))));
        _gateways.AddRange(Enumerable.Range(1, 2).Select(
            i => new GridProcess("gateway", settings, Path.Combine(directory, $"gateway{i}.log"))));
        foreach (var process in _silos.Concat(_gateways))
        {
            process.Start();
        }
        await Task.WhenAll(_silos.Concat(_gateways).Select(process => process.ReadyAsync(cancellationToken)));
    }

    /// <summary>Live streams in real time for as long as they are wanted, which come back when a call breaks.</summary>
    private static Task[] Feed(
        Gateways gateways, int count, string name, TimeSpan look, TimeSpan? chunk, CancellationToken over) =>
        [.. Enumerable.Range(0, count).Select(i => Task.Run(
            async () =>
            {
                for (var call = i; !over.IsCancellationRequested; call++)
                {
                    try
                    {
                        var config = new StreamConfig
                        {
                            StreamId = $"{name}-{i}", Format = Audio16k.Format, LookAhead = look.ToDuration(), Chunk = chunk?.ToDuration(),
                        };
                        await FeedAsync(gateways.Grpc(call), config, new Audio16k(i % 20, seconds: 10), over);
                    }
                    catch (RpcException) when (!over.IsCancellationRequested)
                    {
                        await Task.Delay(1000, over);
                    }
                }
            },
            over))];

    private static async Task FeedAsync(
        Tagging.TaggingClient tagging, StreamConfig config, Audio16k audio, CancellationToken over)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(over);
        using var call = tagging.Stream(cancellationToken: ending.Token);
        await call.RequestStream.WriteAsync(new StreamRequest { Config = config }, over);
        if (!await call.ResponseStream.MoveNext(over) || call.ResponseStream.Current.Ready is not { } ready)
        {
            return;
        }
        var reading = Task.Run(
            async () =>
            {
                while (await call.ResponseStream.MoveNext(ending.Token))
                {
                }
                throw new RpcException(new Status(StatusCode.Unavailable, "the call has ended"));
            },
            ending.Token);
        var next = ready.NextSample;
        using var pace = new PeriodicTimer(TimeSpan.FromSeconds(0.2));
        while (await pace.WaitForNextTickAsync(over) && !reading.IsCompleted)
        {
            var from = next % (audio.Samples - Audio16k.Rate / 5);
            await call.RequestStream.WriteAsync(
                new StreamRequest
                {
                    Audio = new Audio { Data = UnsafeByteOperations.UnsafeWrap(audio.Slice(from, from + Audio16k.Rate / 5)) },
                },
                over);
            next += Audio16k.Rate / 5;
        }
        await ending.CancelAsync();
    }
}
