using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text.Json;
using Dass.Grid.Contracts;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Host;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// One silo or gateway of a grid of several processes, with membership and store in Redis. Answers commands on its standard input with
/// counters, one line of JSON each.
/// </summary>
internal static class ScaleProcess
{
    public const string Argument = "scale";
    public const string Silo = "silo";
    public const string Gateway = "gateway";
    public const string BuiltIn = "built-in";
    public const int AtOnce = 64; // calls of a command

    private const string Tenant = "many";

    /// <param name="role">Silo or gateway.</param>
    /// <param name="redis">Its address.</param>
    /// <param name="model">The built-in one, or the directory of one whose steps cost nothing.</param>
    public static async Task RunAsync(string role, string redis, string model)
    {
        var settings = model != BuiltIn ? HostProcess.FreeSettings(model) : new()
        {
            ["Grid:Models:built-in:Threads"] = "1", // a core
            ["Grid:Gateway:SubscriptionStreams"] = $"{HostProcess.MaxStreams}",
        };
        settings["Grid:Role"] = role;
        settings["Grid:Cluster"] = settings["Grid:Store"] = "redis";
        settings["Grid:Redis"] = redis;
        settings["Grid:Streams:CheckpointInterval"] = $"{ScaleBenchmark.CheckpointInterval}";
        var counts = new ConcurrentDictionary<string, double>();
        await using var grid = await EmbeddedGrid.StartAsync(settings, builder =>
        {
            HostProcess.UseFreeModel(builder.Services);
            builder.Services.AddSingleton<IIncomingGrainCallFilter>(new CallCounter(counts));
        });
        using var meters = Listen(counts);
        Console.WriteLine(grid.Address);
        while (Console.ReadLine() is { } line)
        {
            var command = line.Split(' ');
            var count = command.Length > 1 ? int.Parse(command[1], CultureInfo.InvariantCulture) : 0;
            switch (command[0])
            {
                case "calls": // without content, to a grain that another process may have
                    await ManyAsync(count, _ => grid.Grains.GetGrain<ITenantGrain>("calls").Withdraw("none"));
                    break;
                case "report": // streams of one tenant, as their upkeep does
                    await ManyAsync(count, i => grid.Grains.GetGrain<ITenantGrain>(Tenant).Report(Listing(i)));
                    break;
                case "admit":
                    var limits = TenantLimits.None with { LiveStreams = int.MaxValue };
                    await ManyAsync(count, i => grid.Grains.GetGrain<ITenantGrain>(Tenant).Admit($"new-{i}", limits));
                    await ManyAsync(count, i => grid.Grains.GetGrain<ITenantGrain>(Tenant).Withdraw($"new-{i}"));
                    break;
                case "list": // as a gateway does each second for a subscriber of all streams
                    await ListAsync(grid.Grains.GetGrain<ITenantGrain>(Tenant));
                    break;
                case "usage": // each waits until it is in the store
                    await Task.WhenAll(Enumerable.Range(0, count).Select(
                        i => grid.Grains.GetGrain<IUsageGrain>(Tenant).Report(
                            new UsageSpan($"stream-{i}", DateTimeOffset.UnixEpoch, 0, "free", Random.Shared.Next(), 0, Final: false))));
                    break;
                case "sizes":
                    await AddSizesAsync(grid, counts);
                    break;
            }
            meters.RecordObservableInstruments();
            Console.WriteLine(JsonSerializer.Serialize(
                HostCounters.Now((long)counts.GetValueOrDefault("dass.engine.steps")) with { Counts = new(counts) }));
        }
    }

    private static async Task ManyAsync(int count, Func<int, Task> call) => await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(
        first => Task.Run(async () =>
        {
            for (var i = first; i < count; i += AtOnce)
            {
                await call(i);
            }
        })));

    private static StreamListing Listing(int i) => new($"stream-{i}", "free", DateTimeOffset.UnixEpoch, Ended: false)
    {
        Health = new StreamHealth(
            DateTimeOffset.UnixEpoch, Attached: true, TimeSpan.FromMilliseconds(9), new StreamLevel(-30, -6, 0), [1, 2, 3], [1, 1, 1]),
    };

    private static async Task ListAsync(ITenantGrain tenant)
    {
        const int Page = 1_000; // as the gateway's
        for (var page = await tenant.List("", Page); page.Length == Page;)
        {
            page = await tenant.List(page[^1].Name, Page);
        }
    }

    /// <summary>Sums of all instruments of grid and cluster, and how often each has been recorded.</summary>
    private static MeterListener Listen(ConcurrentDictionary<string, double> counts)
    {
        var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name.StartsWith("orleans-", StringComparison.Ordinal)
                    || instrument.Name is "dass.engine.steps" or "dass.checkpoints")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<long>((instrument, value, _, _) => Add(instrument, value));
        meters.SetMeasurementEventCallback<int>((instrument, value, _, _) => Add(instrument, value));
        meters.SetMeasurementEventCallback<double>((instrument, value, _, _) => Add(instrument, value));
        meters.Start();
        return meters;

        void Add(Instrument instrument, double value)
        {
            if (instrument.IsObservable)
            {
                counts[instrument.Name] = value;
                return;
            }
            counts.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value);
            if (instrument is Histogram<int> or Histogram<long> or Histogram<double>)
            {
                counts.AddOrUpdate($"{instrument.Name} n", 1, (_, n) => n + 1);
            }
        }
    }

    /// <summary>Bytes of what processes send each other, without a message's headers.</summary>
    private static async Task AddSizesAsync(EmbeddedGrid grid, ConcurrentDictionary<string, double> counts)
    {
        var serializer = grid.Services.GetRequiredService<Serializer>();
        var stream = grid.Grains.GetGrain<IStreamGrain>(new StreamId("default", "sizes").ToString());
        var spec = new StreamSpec { Format = new AudioShape(AudioEncoding.Pcm16, 16_000, 1) };
        var attachment = (await stream.Attach(spec, new Feeder(OldestSample: 0), CancellationToken.None)).Value!;
        AudioBlock audio = null!;
        Pushed pushed = null!;
        for (var i = 0; i < 3; i++)
        {
            audio = new AudioBlock((long)i * HostProcess.ChunkSamples, HostProcess.Noise());
            pushed = (await stream.Push(attachment.Id, audio, CancellationToken.None)).Value!;
        }
        var status = (await stream.GetStatus()).Value!;
        await stream.Close(CancellationToken.None);
        Add("push", audio);
        Add("pushed", pushed);
        Add("observed", pushed.Tags);
        Add("renewed", status);
        Add("listing", Listing(0));
        var load = new SiloLoad(256, 100, 0, Draining: false, ["built-in"]);
        Add("load", load with { Rate = 100, Devices = ["AMD EPYC"], DeviceMemory = 1L << 36 });

        void Add<T>(string name, T value) => counts[$"bytes {name}"] = serializer.SerializeToArray(value).Length;
    }

    private sealed class CallCounter(ConcurrentDictionary<string, double> counts) : IIncomingGrainCallFilter
    {
        public Task Invoke(IIncomingGrainCallContext context)
        {
            counts.AddOrUpdate($"{context.InterfaceMethod?.DeclaringType?.Name}.{context.MethodName}", 1, (_, count) => count + 1);
            return context.Invoke();
        }
    }
}
