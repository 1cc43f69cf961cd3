using System.Net;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>A gateway, a silo on the processor, and one whose device fails when a test says so.</summary>
public sealed class LostDeviceTests : IAsyncLifetime
{
    private const int Streams = 8;
    private const int Third = 80_000; // samples

    private readonly StoreFolder _store = new();
    private readonly FakeDevice _device = new();
    private readonly RecordedLog _log = new(LogLevel.Error);
    private readonly List<EmbeddedGrid> _silos = [];
    private TestGrid _gateway = null!;
    private EmbeddedGrid _failing = null!;

    public async Task InitializeAsync()
    {
        _gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        _failing = await StartAsync(silo =>
        {
            _device.AddTo(silo);
            silo.Logging.AddProvider(_log);
        });
    }

    public async Task DisposeAsync()
    {
        foreach (var silo in _silos)
        {
            await silo.DisposeAsync();
        }
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task Streams_of_a_lost_device_go_on_elsewhere_from_their_checkpoints_and_no_client_notices()
    {
        var processor = await StartAsync();
        await Yard.KnowsAsync(_gateway, silos: 2);
        var feeds = await Task.WhenAll(Enumerable.Range(0, Streams).Select(
            i => Feed.BeginAsync(_gateway.Client, Babble.Config($"stream-{i}"))));
        await Task.WhenAll(feeds.Select(feed => feed.SendBabbleAsync(0, Third)));
        await Task.WhenAll(feeds.Select(feed => feed.AppliedAsync(Third)));

        // There and back: both kinds of silos have had each stream's state.
        foreach (var to in new[] { processor, _failing })
        {
            await Task.WhenAll(feeds.Select((_, i) => Yard.MoveAsync(Yard.Grain(_gateway, $"stream-{i}"), to)));
            await TestGrid.UntilAsync(() => Yard.StreamsOf(to) == Streams);
        }
        await Task.WhenAll(feeds.Select(feed => feed.SendBabbleAsync(Third, 2 * Third)));
        await Task.WhenAll(feeds.Select(feed => feed.AppliedAsync(2 * Third)));
        for (var i = 0; i < Streams; i += 2) // the others have no checkpoint: all of their audio comes again
        {
            await Yard.Grain(_gateway, $"stream-{i}").Checkpoint(attachment: 1);
        }

        var sending = feeds.Select(feed => feed.SendBabbleAsync(2 * Third, Babble.Samples)).ToArray();
        _device.Lose();
        await Task.WhenAll(sending);
        var summaries = await Task.WhenAll(feeds.Select(feed => feed.FinishAsync()));
        for (var i = 0; i < Streams; i++)
        {
            Assert.Equal(feeds[i].Tags.Count, feeds[i].Tags.DistinctBy(tags => tags.Chunk).Count());
            await Undisturbed.AssertAsync(summaries[i], feeds[i]);
            feeds[i].Dispose();
        }

        await TestGrid.UntilAsync(() => Yard.StreamsOf(_failing) == 0);
        var line = Assert.Single(_log.Entries);
        Assert.Contains(
            $"The device {FakeDevice.Name} of model tiny is lost: {FakeDevice.Loss} This silo takes no more streams",
            line, StringComparison.Ordinal);
        Assert.StartsWith(nameof(LogLevel.Critical), line, StringComparison.Ordinal);
        foreach (var path in new[] { "/healthz/ready", "/healthz/live" })
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, await HealthAsync(_failing, path));
            Assert.Equal(HttpStatusCode.OK, await HealthAsync(processor, path));
        }
        Assert.Equal(HttpStatusCode.OK, await HealthAsync(_gateway.Host, "/healthz/ready"));

        // New streams are begun without a failure of the client's.
        for (var i = 0; i < Streams; i++)
        {
            using var next = await Feed.BeginAsync(_gateway.Client, Babble.Config($"next-{i}"));
            Assert.Equal(0, next.Ready.NextSample);
        }
        Assert.Equal(0, Yard.StreamsOf(_failing));
    }

    [Fact]
    public async Task Streams_of_the_only_device_wait_for_another_silo()
    {
        using var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config("alone"));
        using var watch = _gateway.Client.Subscribe(
            new SubscribeRequest { StreamId = "alone", Filter = new TagFilter { Dense = true } }, deadline: TestGrid.Deadline);
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        await Yard.Grain(_gateway, "alone").Checkpoint(attachment: 1);
        _device.Lose();
        var sending = feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await TestGrid.UntilAsync(() => _log.Entries.Count > 0);

        await StartAsync();
        await sending;
        await Undisturbed.AssertAsync(await feed.FinishAsync(), feed);
        var seen = new List<Tags>();
        while (await watch.ResponseStream.MoveNext(CancellationToken.None) && watch.ResponseStream.Current.Tags is { } tags)
        {
            seen.Add(tags);
        }
        await BareSession.AssertEqualAsync(seen);
    }

    [Fact]
    public async Task An_end_that_a_client_did_not_wait_for_is_completed_when_the_next_one_comes()
    {
        using (var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config("half-ended")))
        {
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            _device.LargestBatch = 0; // so that the tail has to wait
            await feed.SendAsync(new StreamRequest { Finish = new Finish() });
            await TestGrid.UntilAsync(() => _device.Refused > 0);
        }
        _device.LargestBatch = int.MaxValue;
        await TestGrid.RefusesAsync(
            StatusCode.FailedPrecondition, "has ended (Finished)", () => Feed.BeginAsync(_gateway.Client, Babble.Config("half-ended")));
        var info = await _gateway.Client.GetStreamAsync(new GetStreamRequest { StreamId = "half-ended" });
        Assert.Equal((EndReason.Finished, (double)Yard.Half / Babble.SampleRateHz), (info.EndReason, info.Summary.DurationSeconds));
    }

    [Fact]
    public async Task Without_memory_a_silo_has_fewer_slots_and_its_streams_lose_nothing()
    {
        var warnings = new RecordedLog(LogLevel.Warning);
        _failing.Services.GetRequiredService<ILoggerFactory>().AddProvider(warnings);
        using var feed = await Feed.BeginAsync(_gateway.Client, Babble.Config("first"));
        await feed.SendBabbleAsync(0, Yard.Quarter);
        await feed.AppliedAsync(Yard.Quarter);
        _device.LargestBatch = 0;
        var sending = feed.SendBabbleAsync(Yard.Quarter, Yard.Half);
        await TestGrid.UntilAsync(() => warnings.Entries.Any(
            line => line.Contains($"{FakeDevice.Name} has been out of memory: model tiny has 1 stream slots", StringComparison.Ordinal)));

        using (var refused = new Feed(_gateway.Client))
        {
            await refused.SendAsync(new StreamRequest { Config = Babble.Config("second") });
            await TestGrid.RefusesAsync(StatusCode.ResourceExhausted, "All 1 stream slots", refused.ReadToEndAsync);
        }
        _device.LargestBatch = 8;
        await sending;
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await Undisturbed.AssertAsync(await feed.FinishAsync(), feed);
        Assert.Empty(_log.Entries);
    }

    private async Task<EmbeddedGrid> StartAsync(Action<WebApplicationBuilder>? configure = null)
    {
        // No checkpoint but those that a test asks for.
        var silo = await _gateway.StartSiloAsync(_store.Settings(("Grid:Streams:CheckpointInterval", "01:00:00")), configure);
        _silos.Add(silo);
        return silo;
    }

    private static async Task<HttpStatusCode> HealthAsync(EmbeddedGrid process, string path)
    {
        using var operations = new HttpClient { BaseAddress = process.OperationsAddress };
        return (await operations.GetAsync(path)).StatusCode;
    }
}
