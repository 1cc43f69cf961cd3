using System.Buffers;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Dass.Grid.Contracts;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Grains.Models;
using Dass.Grid.Host;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Benchmarks;

/// <summary>What a process has used since its start.</summary>
internal sealed record HostCounters(double Cpu, double Wall, long Allocated, double Paused, long Chunks, long Resident)
{
    /// <param name="chunks">That its engine has stepped.</param>
    public static HostCounters Now(long chunks)
    {
        using var self = Process.GetCurrentProcess();
        return new HostCounters(
            self.TotalProcessorTime.TotalSeconds, Stopwatch.GetElapsedTime(0).TotalSeconds, GC.GetTotalAllocatedBytes(),
            GC.GetTotalPauseDuration().TotalSeconds, chunks, self.WorkingSet64);
    }

    /// <summary>What else is counted, by name. Null: nothing.</summary>
    public Dictionary<string, double>? Counts { get; init; }
}

/// <summary>
/// A whole grid whose device costs nothing, as a process of its own: so its processor time is its own, and its collector that of a host.
/// Answers commands on its standard input with counters, one line of JSON each.
/// </summary>
internal static class HostProcess
{
    public const string Argument = "host-process";
    public const string Quiet = "quiet";
    public const string Collect = "collect";
    public const int ChunkSamples = 15_360; // 0.96 s
    public const int MaxStreams = 25_000;

    public const int Chunks = 6_400; // of each command, with the model that costs nothing

    private const int Sessions = 64; // that push at the same time, where no client does
    private const int RealSessions = 8; // with a real model: a batch
    private const int RealChunks = 160;

    /// <summary>Labels and channels of DASS-small's head; what is before it does not run.</summary>
    public static readonly DassConfig Config = new() { Dims = [8, 16, 32, 768], Depths = [1, 1, 1, 1], LabelCount = 527 };

    /// <param name="arguments">
    /// Directory and precision of a real model; or <see cref="Quiet"/> and a directory for the store; none: a model that costs nothing.
    /// </param>
    public static async Task RunAsync(string[] arguments)
    {
        if (arguments is [ScaleProcess.Argument, var role, var redis, var model])
        {
            await ScaleProcess.RunAsync(role, redis, model);
            return;
        }
        var store = arguments is [Quiet, var directory] ? directory : null;
        string[] real = store is null ? arguments : [];
        using var free = real.Length == 0 ? new BenchmarkModel(Config) : null;
        var settings = free is null
            ? new Dictionary<string, string?>
            {
                ["Grid:Models:real:ModelDirectory"] = real[0],
                ["Grid:Models:real:Precision"] = real[1],
                ["Grid:Models:real:MaxStreams"] = "256",
                ["Grid:Models:real:Threads"] = "1", // a core
                ["Grid:Models:real:Batcher:MaxCatchUpBatch"] = "8",
            }
            : FreeSettings(free.Folder);
        if (store is not null)
        {
            settings["Grid:Store"] = "file";
            settings["Grid:StoreDirectory"] = store;
            settings["Grid:Streams:HibernateAfter"] = "00:00:10";
        }
        await using var grid = await EmbeddedGrid.StartAsync(settings, builder => UseFreeModel(builder.Services));
        var (sessions, each) = free is null ? (RealSessions, RealChunks / RealSessions) : (Sessions, Chunks / Sessions);
        var chunks = 0L;
        using var meters = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "dass.engine.steps")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        meters.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref chunks, value));
        meters.Start();
        var engine = grid.Services.GetRequiredService<ModelRegistry>().All[0].Engine;
        Console.WriteLine(grid.Address);
        while (Console.ReadLine() is { } command)
        {
            switch (command)
            {
                case Collect: // what is held, not what the collector keeps in reserve
                    GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                    break;
                case "features":
                    TakeFeatures();
                    break;
                case "scores":
                    TakeScores(engine);
                    break;
                case "events":
                    TakeEvents();
                    break;
                case "batch":
                    await Task.WhenAll(Enumerable.Range(0, sessions).Select(_ => Task.Run(() => StepAsync(engine, each))));
                    break;
                case "session":
                    await Task.WhenAll(Enumerable.Range(0, sessions).Select(_ => Task.Run(() => PushSessionAsync(engine, each))));
                    break;
                case "grain":
                    await Task.WhenAll(Enumerable.Range(0, sessions).Select(_ => Task.Run(() => PushGrainAsync(grid.Grains, each))));
                    break;
            }
            Console.WriteLine(JsonSerializer.Serialize(HostCounters.Now(Interlocked.Read(ref chunks))));
        }
    }

    /// <param name="folder">Of a model with <see cref="Config"/>.</param>
    public static Dictionary<string, string?> FreeSettings(string folder) => new()
    {
        ["Grid:Models:free:ModelDirectory"] = folder,
        ["Grid:Models:free:MaxStreams"] = $"{MaxStreams}",
        ["Grid:Models:free:Threads"] = "1", // as a device has
        ["Grid:Models:free:Batcher:MaxBatch"] = "256",
        ["Grid:Models:free:Batcher:MaxCatchUpBatch"] = "256",
        ["Grid:Gateway:SubscriptionStreams"] = $"{MaxStreams}",
    };

    /// <summary>The steps of the model "free" cost nothing.</summary>
    public static void UseFreeModel(IServiceCollection services) => services.PostConfigure<ModelRegistryOptions>(
        options =>
        {
            if (options.Models.TryGetValue("free", out var model))
            {
                model.WrapStepModel = built => new FreeModel(built.Model);
            }
        });

    /// <summary>Noise, of which one chunk's worth is sent again and again.</summary>
    public static byte[] Noise()
    {
        var bytes = new byte[2 * ChunkSamples];
        new Random(3).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Decoding and log-mel frames.</summary>
    private static void TakeFeatures()
    {
        var (intake, logMel) = (new AudioIntake(new AudioFormat(SampleEncoding.Pcm16, 16_000, 1)), new LogMel(new LogMelTables(Config)));
        var (piece, samples, frames) = (Noise(), new ArrayBufferWriter<float>(), new FrameBuffer(Config.MelBins));
        for (var i = 0; i < Chunks; i++)
        {
            samples.ResetWrittenCount();
            intake.Push(piece, samples);
            logMel.Push(samples.WrittenSpan, frames);
            logMel.Complete(frames);
            frames.Drop(frames.Count);
        }
    }

    /// <summary>From tokens to the scores of a chunk and its window.</summary>
    private static void TakeScores(StreamEngine engine)
    {
        var pool = new TagPool(Config, new TagHead(engine.Model));
        var tokens = new float[3 * Config.Dims[^1]];
        for (var i = 0; i < Chunks; i++)
        {
            tokens.AsSpan().Fill(i % 7 - 3);
            pool.Add(tokens, frames: 96, endSeconds: 0.96 * (i + 1));
        }
    }

    /// <summary>From scores to what has begun and ended.</summary>
    private static void TakeEvents()
    {
        var random = new Random(5);
        var tracker = new SoundEventTracker(new EventRules(new EventRule()), Config.LabelCount);
        var (scores, changes) = (new float[Config.LabelCount], new List<EventChange>());
        for (var i = 0; i < Chunks; i++)
        {
            scores[random.Next(scores.Length)] = random.NextSingle();
            tracker.Add(new ChunkScores(i, 0.96 * i, 0.96 * (i + 1), scores, scores), changes);
            changes.Clear();
        }
    }

    /// <summary>Steps through the queue, without audio or scores.</summary>
    private static async Task StepAsync(StreamEngine engine, int chunks)
    {
        using var session = engine.Open(new AudioFormat(SampleEncoding.Pcm16, 16_000, 1), new StreamSessionOptions());
        var step = new SessionStep(session.Slot, engine.Model.Config, session.Pool, session.Owner.Shares[0]);
        step.Shape(frames: 160, committed: 96);
        for (var i = 0; i < chunks; i++)
        {
            await session.Device.Batcher.StepAsync(step, CancellationToken.None);
        }
    }

    private static async Task PushSessionAsync(StreamEngine engine, int chunks)
    {
        var piece = Noise();
        using var session = engine.Open(new AudioFormat(SampleEncoding.Pcm16, 16_000, 1), new StreamSessionOptions());
        var tags = new List<ChunkScores>();
        for (var i = 0; i < chunks; i++)
        {
            await session.PushAsync(piece, tags, CancellationToken.None);
            tags.Clear();
        }
    }

    private static async Task PushGrainAsync(IGrainFactory grains, int chunks)
    {
        var piece = Noise();
        var stream = grains.GetGrain<IStreamGrain>(new StreamId("default", Guid.NewGuid().ToString("N")).ToString());
        var spec = new StreamSpec { Format = new AudioShape(AudioEncoding.Pcm16, 16_000, 1) };
        var attachment = (await stream.Attach(spec, new Feeder(OldestSample: 0), CancellationToken.None)).Value!;
        for (var i = 0; i < chunks; i++)
        {
            await stream.Push(attachment.Id, new AudioBlock((long)i * ChunkSamples, piece), CancellationToken.None);
        }
        await stream.Close(CancellationToken.None);
    }
}
