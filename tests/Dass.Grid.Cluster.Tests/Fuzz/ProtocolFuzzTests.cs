using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit.Abstractions;

namespace Dass.Grid.Cluster.Tests.Fuzz;

/// <summary>An enemy with a tenant's key and one with an administrator's key, beside a tenant that just streams.</summary>
/// <remarks>
/// DASS_FUZZ_MESSAGES says how many messages are sent (default: 5,000), DASS_FUZZ_SEED which (default: the same ones each time).
/// DASS_FUZZ_LOG names a file that gets rate, neighbour's delay and memory along a long run, a line for each 25,000 messages.
/// </remarks>
public sealed class ProtocolFuzzTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string AnnesKey = "anne-0123456789abcdef";
    private const string MalloryKey = "mallory-0123456789abcdef";
    private const string AdminKey = "admin-0123456789abcdef";
    private const string AnnesStream = "annes-diary";
    private const int LiveStreams = 10;
    private const int Subscribers = 2;
    private const int Enemies = 4; // calls at once
    private const int MaxBroken = 12; // kinds, until the run ends
    private const int SweepEvery = 200; // calls
    private const int MessagesPerSecond = 20; // of the enemies', for each second of the healthy recordings

    /// <summary>Its pace is that of the enemies, who are slow on a busy machine.</summary>
    private static readonly TimeSpan LongestRecording = TimeSpan.FromHours(1);

    private static readonly int Messages = Setting("DASS_FUZZ_MESSAGES", 5_000);
    private static readonly int Seed = Setting("DASS_FUZZ_SEED", 1);
    private static readonly Metadata Anne = new() { { "x-api-key", AnnesKey } };
    private static readonly Metadata Mallory = new() { { "x-api-key", MalloryKey } };
    private static readonly byte[][] Secrets =
    [
        .. new[] { AnnesKey, MalloryKey, AdminKey, AnnesStream }.Select(System.Text.Encoding.UTF8.GetBytes),
    ];

    private static readonly StatusCode[] Failures =
        [
            StatusCode.Unknown, StatusCode.Internal, StatusCode.DeadlineExceeded, StatusCode.DataLoss, StatusCode.Unimplemented,
            StatusCode.Cancelled,
        ];

    // The web server's own answer to a connection with many calls that are over while their client still sends. Each enemy has a connection
    // of its own.
    private static readonly string[] ServerDefences = ["'ENHANCE_YOUR_CALM'", "'STREAM_CLOSED'"];

    private readonly ConcurrentDictionary<StatusCode, int> _ends = new();
    private readonly ConcurrentDictionary<string, string> _broken = new(); // by method and law, the first call of each
    private readonly GridErrors _errors = new();
    private readonly FuzzWitness _witness = new();
    private readonly ConcurrentQueue<string> _lost = new(); // calls of which HTTP/2 has lost a part
    private readonly FuzzProgress _progress = new(Environment.GetEnvironmentVariable("DASS_FUZZ_LOG"));
    private TestGrid _grid = null!;
    private int _calls;
    private int _cutOff;
    private int _sent;

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync(new()
    {
        ["Grid:Models:tiny:MaxStreams"] = "64",
        ["Grid:Models:other:MaxStreams"] = "64",
        ["Grid:Models:other:Threads"] = "1",
        ["Grid:DefaultModel"] = "tiny",
        ["Tenants:anne:KeyHashes:0"] = KeyHash.Create(AnnesKey).ToString(),
        ["Tenants:mallory:KeyHashes:0"] = KeyHash.Create(MalloryKey).ToString(),
        ["Tenants:mallory:Limits:LiveStreams"] = $"{LiveStreams}",
        ["Tenants:mallory:Limits:NewStreamsPerMinute"] = "1000000", // the enemies are fast
        ["Tenants:mallory:Limits:Subscribers"] = $"{Subscribers}",
        ["Admin:KeyHashes:0"] = KeyHash.Create(AdminKey).ToString(),
        // So that ids can be used again, and streams fall asleep and are forgotten, within the test.
        ["Grid:Streams:Upkeep"] = "00:00:01",
        ["Grid:Streams:Retention"] = "00:00:02",
        ["Grid:Streams:HibernateAfter"] = "00:00:03",
        ["Grid:Streams:CheckpointInterval"] = "00:00:02",
    },
    builder =>
    {
        builder.Logging.AddProvider(_errors);
        builder.Services.AddSingleton(_witness);
        builder.Services.Configure<Grpc.AspNetCore.Server.GrpcServiceOptions>(grpc => grpc.Interceptors.Add<FuzzWitness>());
    });

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    [Fact]
    public async Task No_message_breaks_the_grid_or_disturbs_another_tenant()
    {
        var watch = Stopwatch.StartNew();
        using var done = new CancellationTokenSource();
        var healthy = StreamUntilAsync(done.Token);
        await Task.WhenAll(Enumerable.Range(0, Enemies).Select(_ => AttackAsync(healthy)));
        await done.CancelAsync();
        var recordings = await healthy;
        foreach (var line in _progress.Lines)
        {
            output.WriteLine(line);
        }
        output.WriteLine(
            $"seed {Seed}: {_sent} messages in {_calls} calls, {watch.Elapsed.TotalSeconds:F0} s; {recordings} healthy recordings, "
            + $"{_cutOff} calls cut off by the web server.");
        foreach (var lost in _lost)
        {
            output.WriteLine($"Lost on its way: {lost}");
        }
        output.WriteLine(string.Join(", ", _ends.OrderByDescending(end => end.Value).Select(end => $"{end.Key} {end.Value}")));
        output.WriteLine(
            $"working set {Environment.WorkingSet >> 20} MiB, managed {GC.GetTotalMemory(forceFullCollection: true) >> 20} MiB");
        var activations = await _grid.Host.Grains.GetGrain<Orleans.Runtime.IManagementGrain>(0).GetSimpleGrainStatistics();
        output.WriteLine(
            string.Join(
                ", ",
                activations.OrderByDescending(type => type.ActivationCount).Take(8).Select(
                    type => $"{type.GrainType.Split(',')[0].Split('.')[^1]} {type.ActivationCount}")));
        Assert.True(_broken.IsEmpty, $"With seed {Seed}:\n{string.Join('\n', _broken.Select(law => $"{law.Key} {law.Value}"))}\n{_errors}");
        Assert.True(_errors.IsEmpty, $"With seed {Seed} the grid logs errors:\n{_errors}");
        Assert.InRange(_cutOff, 0, _calls / 10);
        Assert.True(_lost.Count <= 1 + _calls / 20_000, $"With seed {Seed}, calls are lost on their way:\n{string.Join('\n', _lost)}");
        Assert.True(
            _ends.GetValueOrDefault(StatusCode.OK) > _calls / 20, "Hardly any call succeeded: nothing but the first checks was tried.");

        await EventuallyAsync("dass_gateway_calls_live", 0);
        await EventuallyAsync("dass_streams_live", 0, SweepAsync);
        await EventuallyAsync("dass_engine_slots_used", 0);
        await EventuallyAsync("dass_gateway_subscribers", 0);
        await AllPlacesAreFreeAsync();
    }

    private async Task AttackAsync(Task healthy)
    {
        using var connection = GrpcChannel.ForAddress(_grid.Host.Address);
        var invoker = connection.CreateCallInvoker();
        while (Volatile.Read(ref _sent) < Messages && _broken.Count < MaxBroken)
        {
            if (healthy.IsCompleted)
            {
                await healthy; // which throws
            }
            var call = FuzzCall.Create(Seed, Interlocked.Increment(ref _calls), MalloryKey, AdminKey);
            _progress.OnSent(Interlocked.Add(ref _sent, call.Messages.Length));
            Status? end;
            try
            {
                // An enemy that waited for ever would leave the run slower, and without an end.
                end = await call.MakeAsync(invoker, answer => Judge(call, answer)).WaitAsync(2 * FuzzCall.Patience);
            }
            catch (TimeoutException)
            {
                Hold(false, call, $"It has no end, not even by its deadline: {_witness.Take(call).What}.");
                continue;
            }
            var (isLost, what) = _witness.Take(call);
            if (end is { StatusCode: StatusCode.DeadlineExceeded } && isLost)
            {
                _lost.Enqueue($"{call}: {what}");
            }
            else if (end?.Detail is { } cut && ServerDefences.Any(cut.Contains))
            {
                Interlocked.Increment(ref _cutOff);
            }
            else if (end is { } status)
            {
                _ends.AddOrUpdate(status.StatusCode, 1, (_, count) => count + 1);
                Hold(!Failures.Contains(status.StatusCode), call, $"It ended with {status.StatusCode}: {status.Detail} ({what})");
                Judge(call, System.Text.Encoding.UTF8.GetBytes(status.Detail));
            }
            if (call.Index % SweepEvery == 0)
            {
                await SweepAsync();
            }
        }
    }

    /// <summary>No answer to one tenant names another's stream, or any key.</summary>
    private void Judge(FuzzCall call, byte[] answer) =>
        Hold(!Secrets.Any(secret => answer.AsSpan().IndexOf(secret) >= 0), call, "Another tenant's stream or a key is in an answer.");

    private void Hold(bool law, FuzzCall call, string otherwise)
    {
        if (!law)
        {
            _broken.TryAdd($"{call.Method.Name}: {otherwise}", call.ToString());
        }
    }

    /// <summary>Recordings one after the other, each while the enemies call.</summary>
    private async Task<int> StreamUntilAsync(CancellationToken done)
    {
        var recordings = 0;
        while (recordings == 0 || !done.IsCancellationRequested)
        {
            var config = Babble.Config($"{AnnesStream}-{recordings}");
            config.Model = "tiny";
            using var feed = await Feed.BeginAsync(_grid.Client, config, Anne, LongestRecording);
            for (var sample = 0; sample < Babble.Samples; sample += Babble.SampleRateHz)
            {
                var sending = Stopwatch.GetTimestamp();
                await feed.SendBabbleAsync(sample, Math.Min(sample + Babble.SampleRateHz, Babble.Samples));
                await feed.AppliedAsync(Math.Min(sample + Babble.SampleRateHz, Babble.Samples)).WaitAsync(TestGrid.Patience);
                _progress.OnApplied(Stopwatch.GetElapsedTime(sending));
                for (
                    var pace = Volatile.Read(ref _sent) + MessagesPerSecond; Volatile.Read(ref _sent) < pace
                        && !done.IsCancellationRequested;)
                {
                    await Task.Delay(10, CancellationToken.None);
                }
            }
            await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
            recordings++;
        }
        return recordings;
    }

    /// <summary>Ends what the enemies have begun.</summary>
    private async Task SweepAsync()
    {
        foreach (
            var stream in (
                await _grid.Client.ListStreamsAsync(new ListStreamsRequest { PageSize = 1_000 }, Mallory, TestGrid.Deadline)).Streams)
        {
            try
            {
                await _grid.Client.CloseStreamAsync(new CloseStreamRequest { StreamId = stream.StreamId }, Mallory, TestGrid.Deadline);
            }
            catch (RpcException gone) when (gone.StatusCode == StatusCode.NotFound)
            {
                // It has been forgotten since it was listed.
            }
        }
    }

    private async Task EventuallyAsync(string metric, double expected, Func<Task>? meanwhile = null)
    {
        using var http = new HttpClient { BaseAddress = _grid.Host.OperationsAddress };
        var value = double.NaN;
        for (var attempt = 0; attempt < 100 && value != expected; attempt++)
        {
            await (meanwhile?.Invoke() ?? Task.CompletedTask);
            await Task.Delay(100);
            var lines = (await http.GetStringAsync("/metrics")).Split('\n')
                .Where(
                    line => line.StartsWith(
                        metric + "{", StringComparison.Ordinal) || line.StartsWith(metric + "_", StringComparison.Ordinal))
                .ToArray();
            Assert.True(lines.Length > 0, $"{metric} is no metric of this grid.");
            value = lines.Sum(line => double.Parse(line.Split('}')[^1].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
        }
        Assert.True(value == expected, $"{metric} is {value} after all calls, with seed {Seed}.");
    }

    /// <summary>As many streams and subscribers are let in as ever, and not one more.</summary>
    private async Task AllPlacesAreFreeAsync()
    {
        var feeds = new List<Feed>();
        for (var i = 0; i < LiveStreams; i++)
        {
            feeds.Add(await Feed.BeginAsync(_grid.Client, Babble.Config($"last-{i}"), Mallory));
        }
        await TestGrid.RefusesAsync(
            StatusCode.ResourceExhausted, "quota live_streams", () => Feed.BeginAsync(_grid.Client, Babble.Config("one-more"), Mallory));
        var ears = Enumerable.Range(0, Subscribers + 1)
            .Select(_ => _grid.Client.Subscribe(new SubscribeRequest { StreamId = "last-0" }, Mallory, TestGrid.Deadline)).ToArray();
        var heard = await Task.WhenAll(ears.Select(async ear =>
        {
            try
            {
                return await ear.ResponseStream.MoveNext(CancellationToken.None);
            }
            catch (RpcException full) when (full.StatusCode == StatusCode.ResourceExhausted)
            {
                return false;
            }
        }));
        Assert.Equal(Subscribers, heard.Count(isHeard => isHeard));
        Array.ForEach(ears, ear => ear.Dispose());
        feeds.ForEach(feed => feed.Dispose());
    }

    private static int Setting(string name, int standard) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : standard;
}
