using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>A source that is silent or clipped for too long is an event.</summary>
[Collection(SharedGridCollection.Name)]
public sealed class SourceEventTests(SharedGrid shared)
{
    private const int Rate = Babble.SampleRateHz;

    private readonly Tagging.TaggingClient _client = shared.Client;

    [Fact]
    public async Task Silence_and_clipping_open_and_close_events_that_are_kept()
    {
        const string Name = "broken-source";
        var config = Config(Name);
        using var feed = await Feed.BeginAsync(_client, config);
        await feed.SendBabbleAsync(0, 4 * Rate);
        await feed.SendAsync(new byte[2 * 5 * Rate]); // dead from 4 s to 9 s
        await feed.SendBabbleAsync(4 * Rate, 8 * Rate);
        await feed.SendAsync(Square(3)); // overdriven from 13 s to 16 s
        await feed.SendBabbleAsync(8 * Rate, 10 * Rate);
        await feed.FinishAsync();
        var events = feed.Events.Where(sound => sound.LabelIndex >= FirstIndex).ToArray();
        Assert.Equal(
            [
                (EventKind.Opened, "source.silent"), (EventKind.Closed, "source.silent"), (EventKind.Opened, "source.clipped"),
                (EventKind.Closed, "source.clipped"),
            ],
            events.Where(sound => sound.Kind != EventKind.Updated).Select(sound => (sound.Kind, sound.LabelId)));
        Assert.All(events, sound => Assert.Equal(sound.LabelId, sound.Label));
        Assert.InRange(events[1].OnsetSeconds, 3.5, 4.9);
        Assert.InRange(events[1].OffsetSeconds, 8.1, 9.6);
        Assert.InRange(events[^1].OnsetSeconds, 12, 13.9);
        Assert.InRange(events[^1].OffsetSeconds, 15.1, 16.6);

        var request = new ListEventsRequest { Selection = new EventSelection { StreamIds = { Name }, Labels = { "source.silent" } } };
        await TestGrid.UntilAsync(
            async () => (await _client.ListEventsAsync(request)).Events.Count == 1, () => Task.Delay(20));
    }

    [Fact]
    public async Task A_stream_that_comes_back_goes_on_with_its_silence_and_a_filter_passes_it()
    {
        var config = Config("silent-return");
        config.Filter = new TagFilter { Labels = { "source.silent" } };
        using (var feed = await Feed.BeginAsync(_client, config))
        {
            await feed.SendAsync(new byte[2 * Rate]);
            await feed.AppliedAsync(Rate);
        }
        using var again = await Feed.BeginAsync(_client, new StreamConfig { StreamId = "silent-return", Filter = config.Filter });
        await again.SendAsync(new byte[2 * 3 * Rate]);
        await again.FinishAsync();
        var opened = Assert.Single(again.Events, sound => sound.Kind == EventKind.Opened);
        Assert.Equal((FirstIndex, 0.0), (opened.LabelIndex, opened.OnsetSeconds));
        Assert.All(again.Tags, tags => Assert.Empty(tags.WindowScores));
    }

    [Fact]
    public async Task Without_a_rule_silence_is_no_event()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("just-silent"));
        await feed.SendAsync(new byte[2 * 5 * Rate]);
        await feed.FinishAsync();
        Assert.DoesNotContain(feed.Events, sound => sound.LabelIndex >= FirstIndex);
    }

    [Fact]
    public async Task A_rule_that_cannot_be_is_refused()
    {
        var half = Duration.FromTimeSpan(TimeSpan.FromSeconds(0.5));
        await RefusesAsync("source.silent_after is 0.5 s; 1 s to 600 s", new SourceRule { SilentAfter = half });
        await RefusesAsync("source.lost_after is 0.5 s; 1 s to 600 s", new SourceRule { LostAfter = half });
        await RefusesAsync("source.silent_below_dbfs is 3", new SourceRule { SilentBelowDbfs = 3 });
        await RefusesAsync("source.clipped_share is 0", new SourceRule { ClippedShare = 0 });

        Task RefusesAsync(string fragment, SourceRule rule)
        {
            var config = Babble.Config("refused-source");
            config.Source = rule;
            return TestGrid.RefusesAsync(StatusCode.InvalidArgument, fragment, () => Feed.BeginAsync(_client, config));
        }
    }

    private const int FirstIndex = 1_000_000;

    private static StreamConfig Config(string name)
    {
        var config = Babble.Config(name);
        config.Source = new SourceRule
        {
            SilentAfter = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)), ClippedAfter = Duration.FromTimeSpan(TimeSpan.FromSeconds(2)),
        };
        return config;
    }

    private static byte[] Square(int seconds)
    {
        var bytes = new byte[2 * seconds * Rate];
        for (var i = 0; i < bytes.Length; i += 2)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(i), i / 100 % 2 == 0 ? short.MaxValue : short.MinValue);
        }
        return bytes;
    }
}
