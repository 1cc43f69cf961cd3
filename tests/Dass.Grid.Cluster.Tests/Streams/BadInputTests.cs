using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>Each rule that a client can break: its status, its words, and a healthy stream beside it that does not notice.</summary>
[Collection(SharedGridCollection.Name)]
public sealed class BadInputTests(SharedGrid shared)
{
    private readonly Tagging.TaggingClient _client = shared.Client;

    [Fact]
    public Task A_call_without_a_configuration_is_refused() => BesideAHealthyStream(async () =>
    {
        using var feed = new Feed(_client);
        await feed.SendAsync(Babble.Slice(0, 100));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "first message of Stream must be config; got audio", feed.ReadToEndAsync);
    });

    [Fact]
    public Task A_call_that_ends_before_its_configuration_is_refused() => BesideAHealthyStream(async () =>
    {
        using var feed = new Feed(_client);
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "got the end of the call", feed.EndAsync);
    });

    [Fact]
    public Task A_second_configuration_is_refused() => Refused(
        StatusCode.InvalidArgument, "config was sent twice", new StreamRequest { Config = Babble.Config() });

    [Fact]
    public Task A_message_of_nothing_is_refused() => Refused(StatusCode.InvalidArgument, "request is empty", new StreamRequest());

    [Fact]
    public Task Empty_audio_is_refused() => Refused(
        StatusCode.InvalidArgument, "audio.data is empty", new StreamRequest { Audio = new Audio() });

    [Fact]
    public Task A_torn_frame_is_refused() => Refused(
        StatusCode.InvalidArgument, "audio.data has 101 bytes, which ends inside a sample frame; whole frames of 2 bytes",
        Message(null, 101));

    [Fact]
    public Task A_negative_position_is_refused() => Refused(
        StatusCode.InvalidArgument, "audio.first_sample is -1; 0 or more", Message(-1, 100));

    [Fact]
    public Task A_position_that_leaps_ahead_is_refused() => Refused(
        StatusCode.OutOfRange, "audio.first_sample is 7; the stream has audio up to sample 0", Message(7, 100));

    [Fact]
    public Task A_position_at_the_end_of_time_is_refused() => Refused(
        StatusCode.OutOfRange, $"audio.first_sample is {long.MaxValue}", Message(long.MaxValue, 100));

    [Fact]
    public Task A_position_that_goes_back_within_a_call_is_refused() => Refused(
        StatusCode.OutOfRange, "audio.first_sample is 10; audio within a call is contiguous, sample 50 is expected", Message(0, 100),
        Message(10, 100));

    [Fact]
    public Task A_position_that_leaps_within_a_call_is_refused() => Refused(
        StatusCode.OutOfRange, "audio.first_sample is 60; audio within a call is contiguous, sample 50 is expected", Message(0, 100),
        Message(60, 100));

    [Fact]
    public Task An_oversized_message_is_refused() => Refused(
        StatusCode.ResourceExhausted, "larger than 1048576 bytes", Message(null, (1 << 20) + 2));

    [Fact]
    public Task A_sample_that_is_not_finite_is_refused_with_its_position() => Refused(
        new StreamConfig { Format = new AudioFormat { Encoding = Encoding.Float32, SampleRateHz = 16_000, Channels = 1 } },
        StatusCode.InvalidArgument,
        "2",
        new StreamRequest
        {
            Audio = new Audio { Data = ByteString.CopyFrom([.. new byte[8], .. BitConverter.GetBytes(float.NaN), .. new byte[4]]) },
        });

    [Fact]
    public Task Audio_before_a_broken_rule_is_still_heard() => BesideAHealthyStream(async () =>
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("half-good"));
        await feed.SendAsync(Babble.Slice(0, 16_000));
        await feed.SendAsync(new StreamRequest { Audio = new Audio() });
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "audio.data is empty", feed.ReadToEndAsync);
        Assert.Equal(16_000, (await _client.GetStreamAsync(new GetStreamRequest { StreamId = "half-good" })).NextSample);
    });

    [Fact]
    public Task Audio_after_close_is_refused() => BesideAHealthyStream(async () =>
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("shut"));
        await _client.CloseStreamAsync(new CloseStreamRequest { StreamId = "shut" });
        await feed.SendAsync(Babble.Slice(0, 100));
        await TestGrid.RefusesAsync(StatusCode.FailedPrecondition, "stream 'shut' has ended (Closed) at sample 0", feed.ReadToEndAsync);
        await BeginRefused(Babble.Config("shut"), StatusCode.FailedPrecondition, "stream 'shut' has ended");
    });

    [Fact]
    public Task A_client_that_vanishes_mid_chunk_leaves_its_stream_and_the_others_whole() => BesideAHealthyStream(async () =>
    {
        using (var feed = await Feed.BeginAsync(_client, Babble.Config("vanished")))
        {
            await feed.SendAsync(Babble.Slice(0, 1_234));
            await feed.AppliedAsync(1_234);
        }
        Assert.Equal(1_234, (await _client.GetStreamAsync(new GetStreamRequest { StreamId = "vanished" })).NextSample);
    });

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("ключ")]
    [InlineData("white space")]
    public Task An_id_of_other_characters_is_refused(string id) => BesideAHealthyStream(async () =>
    {
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "stream_id '", async () => await _client.GetStreamAsync(new GetStreamRequest { StreamId = id }));
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument,
            "stream_id '",
            async () => await _client.CloseStreamAsync(new CloseStreamRequest { StreamId = id }));
        if (id.Length > 0)
        {
            await BeginRefused(Babble.Config(id), StatusCode.InvalidArgument, "1 to 128 of A-Z a-z 0-9 . _ ~ -");
        }
    });

    [Fact]
    public Task An_id_of_129_characters_is_refused() => BeginRefused(
        Babble.Config(new string('x', 129)), StatusCode.InvalidArgument, "(129 characters)");

    [Fact]
    public async Task An_id_of_128_characters_is_fine()
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config(new string('~', 128)));
        Assert.Equal(128, feed.Ready.StreamId.Length);
    }

    /// <summary>A question makes the stream's grain, which goes when it is answered: one that comes meanwhile is asked again.</summary>
    [Fact]
    public async Task An_unknown_stream_is_unknown_however_many_ask()
    {
        foreach (var round in Enumerable.Range(0, 20))
        {
            await Task.WhenAll(Enumerable.Range(0, 20).Select(i => TestGrid.RefusesAsync(
                StatusCode.NotFound,
                $"'nosuch{round}' is unknown",
                async () => _ = i % 2 == 0
                    ? (IMessage)await _client.GetStreamAsync(new GetStreamRequest { StreamId = $"nosuch{round}" })
                    : await _client.CloseStreamAsync(new CloseStreamRequest { StreamId = $"nosuch{round}" }))));
        }
    }

    [Fact]
    public Task An_unknown_stream_is_named() => BesideAHealthyStream(async () =>
    {
        await TestGrid.RefusesAsync(
            StatusCode.NotFound,
            "'never' is unknown",
            async () => await _client.GetStreamAsync(new GetStreamRequest { StreamId = "never" }));
        await TestGrid.RefusesAsync(
            StatusCode.NotFound,
            "'never' is unknown",
            async () => await _client.CloseStreamAsync(new CloseStreamRequest { StreamId = "never" }));
        await BeginRefused(new StreamConfig { StreamId = "never" }, StatusCode.NotFound, "Give a format to begin it");
    });

    [Theory]
    [InlineData(0, 16_000, 1, "format.encoding is 0")]
    [InlineData(99, 16_000, 1, "format.encoding is 99")]
    [InlineData(1, 7_999, 1, "7999")]
    [InlineData(1, 2_000_000_000, 1, "2000000000")]
    [InlineData(1, 16_000, 0, "0")]
    [InlineData(1, 16_000, 9, "9")]
    public Task A_format_that_cannot_be_is_refused(int encoding, int rate, int channels, string fragment) => BeginRefused(
        new StreamConfig { Format = new AudioFormat { Encoding = (Encoding)encoding, SampleRateHz = rate, Channels = channels } },
        StatusCode.InvalidArgument,
        fragment);

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 330_000_000)]
    [InlineData(0, 960_000_001)]
    [InlineData(-1, 0)]
    [InlineData(10, 560_000_000)]
    [InlineData(long.MaxValue, 0)]
    public Task A_chunk_that_is_no_multiple_is_refused(long seconds, int nanos)
    {
        var config = Babble.Config();
        config.Chunk = new Duration { Seconds = seconds, Nanos = nanos };
        return BeginRefused(config, StatusCode.InvalidArgument, "a multiple of 0.32 s from 0.32 s to 10.24 s");
    }

    [Theory]
    [InlineData(0, 5_000_000)]
    [InlineData(0, -10_000_000)]
    [InlineData(11, 0)]
    public Task A_look_ahead_that_is_no_multiple_is_refused(long seconds, int nanos)
    {
        var config = Babble.Config();
        config.LookAhead = new Duration { Seconds = seconds, Nanos = nanos };
        return BeginRefused(config, StatusCode.InvalidArgument, "a multiple of 0.01 s from 0 s to 10.24 s");
    }

    [Fact]
    public Task An_unknown_model_is_refused_with_the_known_ones()
    {
        var config = Babble.Config();
        config.Model = "dass-huge";
        return BeginRefused(config, StatusCode.NotFound, "model 'dass-huge' is unknown; this grid has tiny");
    }

    [Fact]
    public Task An_unknown_label_is_refused() => FilterRefused(
        new TagFilter { Labels = { "Unicorn" } }, StatusCode.NotFound, "model 'tiny' has no label 'Unicorn'");

    [Fact]
    public Task A_negative_top_is_refused() => FilterRefused(new TagFilter { Top = -1 }, StatusCode.InvalidArgument, "filter.top is -1");

    [Fact]
    public Task A_score_that_is_no_number_is_refused() => FilterRefused(
        new TagFilter { MinScore = float.NaN }, StatusCode.InvalidArgument, "filter.min_score is NaN");

    [Fact]
    public Task A_negative_chunk_to_begin_from_is_refused()
    {
        var config = Babble.Config();
        config.FromChunk = -1;
        return BeginRefused(config, StatusCode.InvalidArgument, "from_chunk is -1");
    }

    [Fact]
    public Task Coming_back_in_another_shape_is_refused_with_every_difference() => BesideAHealthyStream(async () =>
    {
        using var feed = await Feed.BeginAsync(_client, Babble.Config("shaped"));
        var other = Babble.Config("shaped");
        other.Format.SampleRateHz = 48_000;
        other.LookAhead = new Duration();
        await BeginRefused(
            other, StatusCode.FailedPrecondition, "format.sample_rate_hz is 48000, the stream has 16000; look_ahead is 00:00:00");
        await feed.SendAsync(Babble.Slice(0, 100));
        await feed.AppliedAsync(100);
    });

    private Task FilterRefused(TagFilter filter, StatusCode code, string fragment)
    {
        var config = Babble.Config();
        config.Filter = filter;
        return BeginRefused(config, code, fragment);
    }

    private Task BeginRefused(StreamConfig config, StatusCode code, string fragment) => BesideAHealthyStream(async () =>
    {
        using var feed = new Feed(_client);
        await feed.SendAsync(new StreamRequest { Config = config });
        await TestGrid.RefusesAsync(code, fragment, feed.ReadToEndAsync);
    });

    private Task Refused(StatusCode code, string fragment, params StreamRequest[] requests) =>
        Refused(Babble.Config(), code, fragment, requests);

    private Task Refused(StreamConfig config, StatusCode code, string fragment, params StreamRequest[] requests) =>
        BesideAHealthyStream(async () =>
    {
        using var feed = await Feed.BeginAsync(_client, config);
        try
        {
            foreach (var request in requests)
            {
                await feed.SendAsync(request);
            }
        }
        catch (RpcException)
        {
            // The refusal may overtake the rest of a large message; the answer side tells it.
        }
        await TestGrid.RefusesAsync(code, fragment, feed.ReadToEndAsync);
    });

    /// <summary>Half a recording before, half after: the tags are those of an undisturbed session.</summary>
    private async Task BesideAHealthyStream(Func<Task> trouble)
    {
        using var healthy = await Feed.BeginAsync(_client, Babble.Config());
        await healthy.SendBabbleAsync(0, Babble.Samples / 2);
        await trouble();
        await healthy.SendBabbleAsync(Babble.Samples / 2, Babble.Samples);
        await BareSession.AssertEqualAsync(healthy.Tags, await healthy.FinishAsync());
    }

    private static StreamRequest Message(long? firstSample, int bytes)
    {
        var audio = new Audio { Data = ByteString.CopyFrom(new byte[bytes]) };
        if (firstSample is { } first)
        {
            audio.FirstSample = first;
        }
        return new StreamRequest { Audio = audio };
    }
}
