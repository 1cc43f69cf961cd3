using System.Collections.Concurrent;
using System.Diagnostics;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OpenTelemetry;
using OpenTelemetry.Trace;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>
/// What a grid exports: a trace for each chunk, from its last audio to each of its subscribers, and nothing of its own work.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class TraceTests : IAsyncLifetime
{
    private readonly Exported _exported = new();
    private TestGrid _grid = null!;
    private FakeTimeProvider? _time; // null: the grid's clock is this machine's

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _time is { } time ? _grid.StopAsync(time) : _grid.DisposeAsync().AsTask();

    [Fact]
    public async Task A_chunk_is_one_connected_trace()
    {
        await StartAsync(ratio: 1);
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("traced"));
        using var subscription = _grid.Client.Subscribe(new SubscribeRequest { StreamId = "traced" }, deadline: TestGrid.Deadline);
        Assert.True(await subscription.ResponseStream.MoveNext(CancellationToken.None)); // Subscribed: what comes now is delivered
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        await TestGrid.UntilAsync(() => _exported.Named("dass.deliver").Length > 0);

        var chunks = _exported.Named("dass.chunk");
        Assert.NotEmpty(chunks);
        Assert.Equal(chunks.Length, chunks.Select(chunk => chunk.TraceId).Distinct().Count());
        foreach (var chunk in chunks)
        {
            Activity[] spans = [];
            await TestGrid.UntilAsync(() => // what the events' log still does for a chunk ends after it
            {
                spans = [.. _exported.All.Where(span => span.TraceId == chunk.TraceId)];
                return spans.All(span => span == chunk || spans.Any(other => other.SpanId == span.ParentSpanId));
            });
            Assert.Equal(default, chunk.ParentSpanId);
            foreach (var name in (string[])["dass.engine.queue", "dass.engine.step", "dass.write"])
            {
                Assert.Contains(name, spans.Select(span => span.OperationName));
            }
            Assert.Equal("traced", chunk.GetTagItem("dass.stream"));
            Assert.InRange(spans.Length, 4, 40);
        }
        var step = _exported.Named("dass.engine.step")[0];
        var batch = Assert.Single(step.Links).Context;
        Assert.Contains(_exported.Named("dass.engine.batch"), span =>
            span.TraceId == batch.TraceId && span.Links.Any(link => link.Context.TraceId == step.TraceId));
        var delivered = _exported.Named("dass.deliver")[0];
        Assert.Contains(chunks, chunk => chunk.TraceId == Assert.Single(delivered.Links).Context.TraceId);
        var call = Assert.Single(chunks[0].Links).Context;
        Assert.NotEqual(chunks[0].TraceId, call.TraceId);
        Assert.True(_exported.All.GroupBy(span => span.TraceId).Max(trace => trace.Count()) <= 40);
    }

    [Fact]
    public async Task A_grid_without_clients_exports_nothing()
    {
        _time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await StartAsync(ratio: 1);
        _exported.Clear();
        for (var i = 0; i < 10; i++) // polls, timers, renewals of five minutes, and what an operator's machines ask
        {
            await _grid.ReadyAsync();
            await _grid.MetricAsync("dass_streams_live");
            _time.Advance(TimeSpan.FromSeconds(30));
            await Task.Delay(TimeSpan.FromSeconds(0.2)); // Orleans' own work has its own clock: nothing may happen, so there is no signal
        }
        Assert.Empty(_exported.All.Select(span => span.DisplayName));
    }

    [Fact]
    public async Task What_is_slow_is_exported_although_it_was_not_chosen()
    {
        await StartAsync(ratio: 0, ("Grid:Gateway:SlowChunk", "00:00:00"));
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("slow"));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        var chunks = _exported.Named("dass.chunk");
        Assert.NotEmpty(chunks);
        Assert.All(chunks, chunk => Assert.True(chunk.GetTagItem("dass.device_wait_ms") is double and >= 0));
        Assert.Equal(["dass.chunk"], _exported.All.Select(span => span.OperationName).Distinct());
    }

    private async Task StartAsync(double ratio, params (string Key, string Value)[] settings)
    {
        var configured = settings.ToDictionary(setting => setting.Key, setting => (string?)setting.Value);
        void Export(WebApplicationBuilder builder) => builder.Services.AddOpenTelemetry().WithTracing(traces =>
        {
            Telemetry.AddTraces(traces, new GridOptions { TraceRatio = ratio });
            traces.AddProcessor(_exported);
        });
        _grid = await (_time is { } time ? TestGrid.StartAsync(time, configured, Export) : TestGrid.StartAsync(configured, Export));
    }

    /// <summary>What an exporter would send.</summary>
    private sealed class Exported : BaseProcessor<Activity>
    {
        private readonly ConcurrentQueue<Activity> _spans = new();

        public Activity[] All => [.. _spans];

        public Activity[] Named(string name) => [.. _spans.Where(span => span.OperationName == name)];

        public void Clear() => _spans.Clear();

        public override void OnEnd(Activity data)
        {
            if (data.Recorded)
            {
                _spans.Enqueue(data);
            }
        }
    }
}
