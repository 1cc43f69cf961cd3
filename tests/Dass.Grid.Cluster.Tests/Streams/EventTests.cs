using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Engine.Events;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using EventRule = Dass.Grid.V1.EventRule;
using Rule = Dass.Grid.Engine.Events.EventRule;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>
/// Events as they come through the grid: what the tracker says of the scores that the engine alone gives, no less and nothing twice.
/// </summary>
public sealed class EventTests : IDisposable
{

    private readonly StoreFolder _store = new();

    public void Dispose() => _store.Dispose();

    [Fact]
    public async Task A_stream_says_what_the_tracker_says()
    {
        await using var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();

        var expected = await ExpectedEvents.TrackAsync(new Rule());
        Assert.Contains(expected, sound => sound.Kind == EventChangeKind.Closed && sound.OffsetSeconds < 10);
        ExpectedEvents.AssertEqual(expected, feed.Events);
        Assert.All(feed.Events, sound => Assert.False(string.IsNullOrEmpty(sound.Label)));
    }

    [Fact]
    public async Task A_streams_own_rules_hold_for_life_also_after_a_crash()
    {
        var config = OwnRules();
        List<Event> before;
        await using (var grid = await TestGrid.StartAsync(_store.Settings()))
        {
            using var feed = await Feed.BeginAsync(grid.Client, config);
            await feed.SendBabbleAsync(0, Yard.Half);
            await feed.AppliedAsync(Yard.Half);
            before = feed.Events;
        }
        await using var next = await TestGrid.StartAsync(_store.Settings());
        using var again = await Feed.BeginAsync(next.Client, new StreamConfig { StreamId = Yard.Id });
        await again.SendBabbleAsync(Yard.Half, Babble.Samples);
        await again.FinishAsync();

        ExpectedEvents.AssertEqual(await ExpectedByOwnRulesAsync(), [.. before, .. again.Events]);
    }

    [Fact]
    public async Task A_streams_own_rules_hold_also_when_its_silo_goes_before_the_first_checkpoint()
    {
        var store = new FaultyStore();
        await using var gateway = await TestGrid.StartAsync(new() { ["Grid:Role"] = "gateway" });
        var silo = await gateway.StartSiloAsync(_store.Settings(), store.Wrap);
        using var feed = await Feed.BeginAsync(gateway.Client, OwnRules());
        store.IsAway = true;
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        await silo.DisposeAsync(); // now no silo has it
        Assert.Equal(0, store.Writes("stream"));
        store.IsAway = false;
        await using var next = await gateway.StartSiloAsync(_store.Settings(), store.Wrap);
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await feed.FinishAsync();

        Assert.Empty(feed.Gaps);
        ExpectedEvents.AssertEqual(await ExpectedByOwnRulesAsync(), feed.Events);
    }

    [Fact]
    public async Task A_subscriber_of_events_alone_hears_all_of_them()
    {
        await using var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        using var ear = grid.Client.Subscribe(
            new SubscribeRequest { StreamId = Yard.Id, FromChunk = 0, EventsOnly = true, Filter = new TagFilter { Top = 0 } },
            deadline: TestGrid.Deadline);
        Assert.True(await ear.ResponseStream.MoveNext(CancellationToken.None));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();

        var heard = new List<Event>();
        while (await ear.ResponseStream.MoveNext(CancellationToken.None))
        {
            var response = ear.ResponseStream.Current;
            Assert.False(response.Tags is { Events.Count: 0 }, "Tags without events came.");
            heard.AddRange(response.Tags?.Events ?? response.Ended?.Events ?? []);
        }
        Assert.Equal(feed.Events, heard);
    }

    [Fact]
    public async Task A_filter_holds_for_events_too()
    {
        await using var grid = await TestGrid.StartAsync();
        var config = Babble.Config(Yard.Id);
        config.Filter = new TagFilter { Labels = { "Speech", "Dog" }, MinScore = 0.2f };
        using var feed = await Feed.BeginAsync(grid.Client, config);
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        var wanted = (await ExpectedEvents.TrackAsync(new Rule())).Where(
            sound => Engine.Model.AudioSetLabels.All[sound.Label].Name is "Speech" or "Dog").ToList();
        Assert.NotEmpty(wanted);
        ExpectedEvents.AssertEqual(wanted, feed.Events);
        Assert.All(feed.Events, sound => Assert.Contains(sound.Label, (string[])["Speech", "Dog"]));
    }

    [Fact]
    public async Task Each_subscription_hears_the_events_that_are_high_and_long_enough_for_it()
    {
        await using var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();

        var closed = feed.Events.Where(sound => sound.Kind == EventKind.Closed).ToArray();
        var peak = closed.Select(sound => sound.PeakScore).Order().ElementAt(closed.Length / 2);
        var length = closed.Select(sound => sound.OffsetSeconds - sound.OnsetSeconds).Order().ElementAt(closed.Length / 2);
        var filter = new TagFilter { MinScore = 0.99f, MinPeakScore = peak };
        var high = await HeardAsync(grid, filter, 0);
        Assert.Equal(feed.Events.Where(sound => sound.PeakScore >= peak), high);

        filter.MinEventDuration = Duration.FromTimeSpan(TimeSpan.FromSeconds(length) - TimeSpan.FromMilliseconds(1));
        var enough = await HeardAsync(grid, filter, 0);
        Assert.Equal(high.Where(sound => sound.OffsetSeconds - sound.OnsetSeconds >= length - 0.001), enough);
        Assert.InRange(enough.Count, 1, high.Count - 1);
        // What has been told is told to its end, and comes the same in pieces.
        Assert.All(enough.GroupBy(sound => sound.Id), sound => Assert.Equal(EventKind.Closed, sound.Last().Kind));
        Assert.Equal(
            enough.SkipWhile(sound => feed.Tags.FirstOrDefault(tags => tags.Events.Contains(sound))?.Chunk < 8),
            await HeardAsync(grid, filter, 8));
    }

    [Theory]
    [InlineData(1.5f, 0, "filter.min_peak_score is 1.5; 0 to 1")]
    [InlineData(float.NaN, 0, "filter.min_peak_score is NaN")]
    [InlineData(0.5f, 3_601, "filter.min_event_duration is 3601 s; 0 s to 3600 s")]
    [InlineData(0.5f, -1, "filter.min_event_duration is -1 s")]
    public async Task A_filter_of_events_that_breaks_a_rule_is_refused(float peak, long seconds, string fragment)
    {
        await using var grid = await TestGrid.StartAsync();
        var config = Babble.Config(Yard.Id);
        config.Filter = new TagFilter { MinPeakScore = peak, MinEventDuration = new Duration { Seconds = seconds } };
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, fragment, () => Feed.BeginAsync(grid.Client, config));
    }

    [Fact]
    public async Task A_clip_has_the_events_of_a_stream()
    {
        await using var grid = await TestGrid.StartAsync();
        var answer = await grid.Client.TagAsync(
            new TagRequest { Format = Babble.Format, Audio = Google.Protobuf.ByteString.CopyFrom(Babble.Pcm) });
        ExpectedEvents.AssertEqual(
            await ExpectedEvents.TrackAsync(new Rule()), [.. answer.Chunks.SelectMany(chunk => chunk.Events), .. answer.Events]);
    }

    [Theory]
    [InlineData(1.1f, 0.5f, "events.on is 1.1")]
    [InlineData(0.5f, 0.6f, "events.off is 0.6")]
    [InlineData(float.NaN, 0f, "events.on is NaN")]
    public async Task Thresholds_that_break_a_rule_are_refused(float on, float off, string fragment)
    {
        await using var grid = await TestGrid.StartAsync();
        var config = Babble.Config(Yard.Id);
        config.Events = new EventRule { On = on, Off = off };
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, fragment, () => Feed.BeginAsync(grid.Client, config));
    }

    [Fact]
    public async Task Rules_of_labels_that_break_a_rule_are_refused()
    {
        await using var grid = await TestGrid.StartAsync();
        var config = Babble.Config(Yard.Id);
        config.LabelEvents.Add(new LabelRule { Label = "No such sound" });
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "no label 'No such sound'", () => Feed.BeginAsync(grid.Client, config));
        config.LabelEvents[0] = new LabelRule { Label = "Dog", Rule = new EventRule { MergeGap = new Duration { Seconds = 61 } } };
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "label_events[0].rule.merge_gap is 61 s", () => Feed.BeginAsync(grid.Client, config));
        config.LabelEvents.Clear();
        config.Events = new EventRule { Off = 0.9f };
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "Off is 0.9", () => Feed.BeginAsync(grid.Client, config));
    }

    [Fact]
    public async Task A_stream_says_by_which_rules_its_sounds_are_events()
    {
        await using var grid = await TestGrid.StartAsync();
        using var feed = await Feed.BeginAsync(grid.Client, OwnRules());
        var live = await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id });
        Assert.Equal((0.55f, 0.5f, TimeSpan.FromSeconds(2)), (live.Events.On, live.Events.Off, live.Events.MergeGap.ToTimeSpan()));
        Assert.Equal(new Rule().MinDuration, live.Events.MinDuration.ToTimeSpan());
        var own = Assert.Single(live.LabelEvents);
        Assert.Equal(("Speech", 0.3f, TimeSpan.Zero), (own.Label, own.Rule.On, own.Rule.MinDuration.ToTimeSpan()));
        Assert.Equal(new Rule { On = 0.3f }.Off, own.Rule.Off);

        await feed.FinishAsync();
        var ended = await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id });
        Assert.Null(ended.Events);
        Assert.Empty(ended.LabelEvents);
    }

    private static async Task<List<Event>> HeardAsync(TestGrid grid, TagFilter filter, long fromChunk)
    {
        using var ear = grid.Client.Subscribe(
            new SubscribeRequest { StreamId = Yard.Id, FromChunk = fromChunk, EventsOnly = true, Filter = filter },
            deadline: TestGrid.Deadline);
        var heard = new List<Event>();
        while (await ear.ResponseStream.MoveNext(CancellationToken.None))
        {
            heard.AddRange(ear.ResponseStream.Current.Tags?.Events ?? ear.ResponseStream.Current.Ended?.Events ?? []);
        }
        return heard;
    }

    private static StreamConfig OwnRules()
    {
        var config = Babble.Config(Yard.Id);
        config.Events = new EventRule { On = 0.55f, Off = 0.5f, MergeGap = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)) };
        config.LabelEvents.Add(
            new LabelRule { Label = "speech", Rule = new EventRule { On = 0.3f, MinDuration = Duration.FromTimeSpan(TimeSpan.Zero) } });
        return config;
    }

    private static Task<List<EventChange>> ExpectedByOwnRulesAsync()
    {
        var rule = new Rule { On = 0.55f, Off = 0.5f, MergeGap = TimeSpan.FromSeconds(2) };
        return ExpectedEvents.TrackAsync(
            rule, new() { [0] = rule with { On = 0.3f, Off = new Rule { On = 0.3f }.Off, MinDuration = TimeSpan.Zero } });
    }
}
