using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>A stream that may be late gets longer chunks while its device is busy, and keeps them through what happens to it.</summary>
public sealed class LatencyBudgetTests : IAsyncLifetime
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(3);
    private readonly StoreFolder _store = new();
    private readonly FakeDevice _device = new() { PerStream = TimeSpan.FromSeconds(0.2) };
    private TestGrid _gateway = null!;
    private EmbeddedGrid _silo = null!;

    public async Task InitializeAsync()
    {
        _gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        _silo = await _gateway.StartSiloAsync(Settings(), _device.AddTo);
    }

    public async Task DisposeAsync()
    {
        await _silo.DisposeAsync();
        await _gateway.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task Chunks_get_longer_under_load_and_are_the_same_after_the_silo_is_lost()
    {
        var feeds = await BeginAsync();
        using var call = _gateway.Client.Subscribe(
            new SubscribeRequest { StreamId = "late-0", FromChunk = 0, Filter = new TagFilter { Top = 0, Dense = true } },
            deadline: TestGrid.Deadline);
        Assert.Equal(Budget, feeds[0].Ready.LatencyBudget.ToTimeSpan());
        var audio = new List<byte>(); // of each stream
        await TestGrid.UntilAsync(() => LongChunks(feeds[0]) >= 3, () => SendSecondAsync(feeds, audio));

        _store.TakeAway();
        await _silo.DisposeAsync(); // nothing that it holds reaches the store or another silo
        _store.BringBack();
        _silo = await _gateway.StartSiloAsync(Settings());
        for (var i = 0; i < 15; i++) // the new silo is idle, and has to go on with long chunks all the same
        {
            await SendSecondAsync(feeds, audio);
        }
        foreach (var feed in feeds)
        {
            var summary = await feed.FinishAsync();
            Assert.Empty(feed.Gaps);
            BareSession.AssertEqual(await HearAsync(audio.ToArray(), PlanOf(feed)), feed.Tags, summary);
            feed.Dispose();
        }
        var received = new List<Tags>();
        while (await call.ResponseStream.MoveNext(CancellationToken.None) && call.ResponseStream.Current.Ended is null)
        {
            if (call.ResponseStream.Current.Tags is { } tags)
            {
                received.Add(tags);
            }
        }
        Assert.Equal(feeds[0].Tags.Select(tags => (tags.Chunk, tags.EndSeconds)), received.Select(tags => (tags.Chunk, tags.EndSeconds)));
    }

    [Fact]
    public async Task Another_kind_of_model_goes_on_with_the_chunk_that_is_next()
    {
        var (feeds, audio) = (await BeginAsync(), new List<byte>());
        await TestGrid.UntilAsync(() => LongChunks(feeds[0]) >= 2, () => SendSecondAsync(feeds, audio));
        Array.ForEach(feeds, feed => feed.Dispose());
        _device.PerStream = TimeSpan.Zero;

        var config = Config("late-0");
        (config.Model, config.SwitchModel, config.LatencyBudget) = ("built-in", true, null);
        using var again = await Feed.BeginAsync(_gateway.Client, config);
        Assert.Equal((feeds[0].Tags.Count, Budget), (again.Ready.NextChunk, again.Ready.LatencyBudget.ToTimeSpan()));
        var heardAgain = feeds[0].Tags[^1].EndSeconds - (double)again.Ready.NextSample / Babble.SampleRateHz;
        Assert.InRange(heardAgain, 10.24 - 0.96, 10.24); // a window, from where a chunk would have begun
        await again.SendAsync(audio.ToArray().AsMemory((int)again.Ready.NextSample * Babble.BytesPerFrame));
        await again.FinishAsync();
        Assert.Empty(again.Gaps);
        var tags = feeds[0].Tags.Concat(again.Tags).ToArray();
        Assert.Equal(Enumerable.Range(0, tags.Length).Select(i => (long)i), tags.Select(chunk => chunk.Chunk));
        Assert.All(tags.Zip(tags.Skip(1)), pair => Assert.Equal(pair.First.EndSeconds, pair.Second.StartSeconds, 1e-6));
        Assert.NotEmpty(again.Tags);
    }

    [Fact]
    public async Task A_budget_that_chunk_and_look_ahead_exceed_is_refused()
    {
        var config = Config("short");
        config.LatencyBudget = Duration.FromTimeSpan(TimeSpan.FromSeconds(1.5));
        await RefusedAsync("latency_budget is 1.5 s; at least chunk and look_ahead together, 1.6 s");
        config.LatencyBudget = Duration.FromTimeSpan(TimeSpan.FromSeconds(21));
        await RefusedAsync("latency_budget is 21 s; 0.32 s to 20.48 s");

        config.LatencyBudget = Duration.FromTimeSpan(Budget);
        using var feed = await Feed.BeginAsync(_gateway.Client, config);
        config.LatencyBudget = Duration.FromTimeSpan(TimeSpan.FromSeconds(1));
        await RefusedAsync("latency_budget is 1 s");
        config.LatencyBudget = null;
        using var again = await Feed.BeginAsync(_gateway.Client, config);
        Assert.Equal(Budget, again.Ready.LatencyBudget.ToTimeSpan());

        Task RefusedAsync(string message) =>
            TestGrid.RefusesAsync(StatusCode.InvalidArgument, message, () => Feed.BeginAsync(_gateway.Client, config));
    }

    private Dictionary<string, string?> Settings() => _store.Settings(
        ("Grid:Streams:CheckpointInterval", "00:00:01"), ("Grid:DefaultModel", "tiny"), ("Grid:Models:built-in:Threads", "1"));

    private Task<Feed[]> BeginAsync() =>
        Task.WhenAll(Enumerable.Range(0, 3).Select(i => Feed.BeginAsync(_gateway.Client, Config($"late-{i}"))));

    private static StreamConfig Config(string id)
    {
        var config = Babble.Config(id);
        config.LatencyBudget = Duration.FromTimeSpan(Budget);
        return config;
    }

    private static async Task SendSecondAsync(Feed[] feeds, List<byte> audio)
    {
        var second = Babble.Slice(audio.Count / Babble.BytesPerFrame % (14 * Babble.SampleRateHz), Babble.SampleRateHz);
        audio.AddRange(second.ToArray());
        await Task.WhenAll(feeds.Select(feed => feed.SendAsync(second)));
        await Task.WhenAll(feeds.Select(feed => feed.AppliedAsync(audio.Count / Babble.BytesPerFrame)));
    }

    private static int LongChunks(Feed feed) => feed.Tags.Count(tags => tags.EndSeconds - tags.StartSeconds > 1.9);

    private static ChunkPlan PlanOf(Feed feed)
    {
        var options = new StreamSessionOptions();
        var first = feed.Tags.Find(tags => tags.EndSeconds - tags.StartSeconds > 1.9)!;
        return new ChunkPlan(options.Chunk, 2 * options.Chunk, (long)Math.Round(100 * first.StartSeconds));
    }

    private static async Task<(List<ChunkScores> Chunks, StreamSummary Summary)> HearAsync(byte[] audio, ChunkPlan plan)
    {
        await using var engine = await StreamEngine.StartAsync(
            new EngineOptions { ModelDirectory = TestGrid.TinyModel, MaxStreams = 1, Threads = 1 });
        using var session = engine.Open(
            new Engine.Audio.AudioFormat(Engine.Audio.SampleEncoding.Pcm16, Babble.SampleRateHz, 1), new StreamSessionOptions());
        Assert.True(session.TryPlan(plan));
        var chunks = new List<ChunkScores>();
        await session.PushAsync(audio, chunks, CancellationToken.None);
        await session.CompleteAsync(chunks, CancellationToken.None);
        return (chunks, session.Summary());
    }
}
