using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Web;

public sealed class WebTests : IAsyncLifetime
{
    private const string AnnesKey = "anne-0123456789abcdef";
    private const string BobsKey = "bob-0123456789abcdefg";
    private const string AdminKey = "admin-0123456789abcdef";
    private const string Format = "encoding=pcm16&sample_rate_hz=16000";

    private static readonly JsonParser Parser = new(JsonParser.Settings.Default);
    private static readonly Metadata Anne = new() { { "authorization", $"Bearer {AnnesKey}" } };

    private TestGrid _grid = null!;
    private Page _anne = null!;
    private Page _bob = null!;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(new()
        {
            ["Grid:HttpListen"] = "http://127.0.0.1:0",
            ["Grid:Gateway:Origins:0"] = "https://dashboard.example.org",
            ["Grid:Gateway:MaxMessageBytes"] = "65536",
            ["Grid:Gateway:SocketPing"] = "00:00:00.5",
            ["Tenants:anne:KeyHashes:0"] = KeyHash.Create(AnnesKey).ToString(),
            ["Tenants:bob:KeyHashes:0"] = KeyHash.Create(BobsKey).ToString(),
            ["Tenants:bob:Limits:NewStreamsPerMinute"] = "1",
            ["Admin:KeyHashes:0"] = KeyHash.Create(AdminKey).ToString(),
        });
        (_anne, _bob) = (new Page(_grid.Host.HttpAddress!, AnnesKey), new Page(_grid.Host.HttpAddress!, BobsKey));
    }

    public async Task DisposeAsync()
    {
        _anne.Dispose();
        _bob.Dispose();
        await _grid.DisposeAsync();
    }

    [Fact]
    public async Task Single_calls_are_answered_in_JSON_to_the_tenant_alone()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("hers"), Anne);
        Assert.Equal("hers", (await _anne.GetAsync("/v1/streams")).GetProperty("streams")[0].GetProperty("streamId").GetString());
        Assert.Equal(0, (await _bob.GetAsync("/v1/streams")).GetProperty("streams").GetArrayLength());
        Assert.Equal("tiny", (await _bob.GetAsync("/v1/models")).GetProperty("models")[0].GetProperty("name").GetString());
        await Refused(HttpStatusCode.NotFound, "stream 'hers' is unknown", await _bob.SendAsync(HttpMethod.Get, "/v1/streams/hers"));
        await Refused(HttpStatusCode.BadRequest, "page_size is -1", await _anne.SendAsync(HttpMethod.Get, "/v1/streams?page_size=-1"));
        Assert.True((await _anne.SendAsync(HttpMethod.Post, "/v1/streams/hers:close", "{}")).IsSuccessStatusCode);
    }

    [Fact]
    public async Task Kept_events_are_downloaded_as_a_file_by_their_tenant_alone()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("hers"), Anne);
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        var closed = feed.Events.Count(sound => sound.Kind == EventKind.Closed);
        var lines = Array.Empty<string>();
        await TestGrid.UntilAsync(async () =>
        {
            var answer = await _anne.SendAsync(HttpMethod.Get, "/v1/events:export?format=csv&stream_id=hers");
            Assert.Equal("text/csv", answer.Content.Headers.ContentType?.MediaType);
            lines = (await answer.Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return lines.Length >= closed + 1;
        });
        Assert.Equal(closed + 1, lines.Length);
        Assert.All(lines.Skip(1), line => Assert.StartsWith("hers,", line, StringComparison.Ordinal));
        Assert.Single(
            (
                await (
                    await _bob.SendAsync(
                        HttpMethod.Get,
                        "/v1/events:export?format=csv")).Content.ReadAsStringAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Empty(
            await (
                await _anne.SendAsync(
                    HttpMethod.Get, "/v1/events:export?to=2020-01-02&from=2020-01-01T12:00Z")).Content.ReadAsStringAsync());
        await Refused(
            HttpStatusCode.BadRequest, "stream_ids has 0 entries", await _anne.SendAsync(HttpMethod.Get, "/v1/events:export?format=rttm"));
        await Refused(HttpStatusCode.BadRequest, "from is 'soon'", await _anne.SendAsync(HttpMethod.Get, "/v1/events:export?from=soon"));
        await Refused(HttpStatusCode.BadRequest, "the query is 'top'", await _anne.SendAsync(HttpMethod.Get, "/v1/events:export?top=3"));
    }

    [Fact]
    public async Task A_caller_without_a_key_is_refused_and_a_tenant_is_no_admin()
    {
        using var keyless = new Page(_grid.Host.HttpAddress!);
        foreach (
            var path in new[] { "/v1/streams", "/v1/usage", "/v1/events:export", "/v1/subscribe?all_streams=true", "/v1/streams/x/audio" })
        {
            await Refused(HttpStatusCode.Unauthorized, "needs an API key", await keyless.SendAsync(HttpMethod.Get, path));
        }
        await Refused(HttpStatusCode.Unauthorized, "need an admin key", await _anne.SendAsync(HttpMethod.Get, "/v1/admin/tenants"));
        using var admin = new Page(_grid.Host.HttpAddress!, AdminKey);
        var made = await admin.SendAsync(HttpMethod.Post, "/v1/admin/tenants", """{"name":"zoo","limits":{"liveStreams":3}}""");
        Assert.Contains("dass_", await made.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_operations_port_knows_nothing_of_the_services_and_theirs_nothing_of_it()
    {
        using var operations = new Page(_grid.Host.OperationsAddress, AnnesKey);
        Assert.Equal(HttpStatusCode.NotFound, (await operations.SendAsync(HttpMethod.Get, "/v1/streams")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _anne.SendAsync(HttpMethod.Get, "/metrics")).StatusCode);
    }

    [Fact]
    public async Task A_subscription_goes_on_after_a_break_without_loss_or_doubles()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("one"), Anne);
        await feed.SendBabbleAsync(0, 8 * Babble.SampleRateHz);
        await feed.AppliedAsync(8 * Babble.SampleRateHz);
        var (chunks, last) = (new List<long>(), default(string));
        await foreach (var (id, kind, data) in _anne.EventsAsync("/v1/subscribe?stream_id=one&from_chunk=0&top=1"))
        {
            last = id ?? last;
            if (kind == "tags")
            {
                chunks.Add(Chunk(data));
                if (chunks.Count == 3)
                {
                    break; // the browser's connection is gone
                }
            }
        }
        await feed.SendBabbleAsync(8 * Babble.SampleRateHz, Babble.Samples);
        await feed.FinishAsync();
        var kinds = new List<string>();
        await foreach (var (id, kind, data) in _anne.EventsAsync("/v1/subscribe?stream_id=one&from_chunk=0&top=1", last))
        {
            (last, _) = (id ?? last, kind);
            kinds.Add(kind);
            if (kind == "tags")
            {
                chunks.Add(Chunk(data));
            }
        }
        Assert.Equal(Enumerable.Range(0, feed.Tags.Count).Select(chunk => (long)chunk), chunks);
        Assert.Equal(("subscribed", "ended"), (kinds[0], kinds[^1]));
        Assert.Equal(HttpStatusCode.NoContent, (await ResumeAsync(last!)).StatusCode);
    }

    [Fact]
    public async Task A_subscription_to_several_tells_nothing_twice_after_a_break_and_misses_nothing_that_began_meanwhile()
    {
        const string Path = "/v1/subscribe?prefix=yard-&from_chunk=0&top=1";
        async Task<Feed> BeginAsync(string name)
        {
            var feed = await Feed.BeginAsync(_grid.Client, Babble.Config(name), Anne);
            await feed.SendBabbleAsync(0, Babble.Samples);
            return feed;
        }
        using var over = await BeginAsync("yard-over");
        await over.FinishAsync();
        using var live = await BeginAsync("yard-live");
        var (heard, last) = (new List<(string Stream, long Chunk)>(), default(string));
        var isOver = false;
        await foreach (var (id, kind, data) in _anne.EventsAsync(Path))
        {
            last = id ?? last;
            Hear(kind, data);
            isOver |= kind == "ended";
            if (isOver && heard.Count(each => each.Stream == "yard-live") >= 3)
            {
                break;
            }
        }
        using var late = await BeginAsync("yard-late");
        await late.FinishAsync();
        await live.FinishAsync();
        var ended = new List<string>();
        await foreach (var (_, kind, data) in _anne.EventsAsync(Path, last))
        {
            Hear(kind, data);
            if (kind == "ended")
            {
                ended.Add(data.GetProperty("streamId").GetString()!);
                if (ended.Contains("yard-late") && ended.Contains("yard-live"))
                {
                    break;
                }
            }
        }
        Assert.DoesNotContain("yard-over", ended); // it has been told to its end
        foreach (var feed in new[] { ("yard-over", over), ("yard-live", live), ("yard-late", late) })
        {
            var told = heard.Where(each => each.Stream == feed.Item1).Select(each => each.Chunk);
            Assert.Equal(Enumerable.Range(0, feed.Item2.Tags.Count).Select(chunk => (long)chunk), told);
        }

        void Hear(string kind, JsonElement data)
        {
            if (kind == "tags")
            {
                heard.Add((data.GetProperty("streamId").GetString()!, Chunk(data)));
            }
        }
    }

    [Fact]
    public async Task More_streams_than_an_id_has_room_for_empty_it()
    {
        var feeds = new List<Feed>();
        for (var i = 0; i < 33; i++)
        {
            feeds.Add(await Feed.BeginAsync(_grid.Client, Babble.Config($"many-{i}"), Anne));
        }
        var ids = new List<string?>();
        await foreach (var (id, _, _) in _anne.EventsAsync("/v1/subscribe?prefix=many-"))
        {
            ids.Add(id);
            if (ids.Count == 33)
            {
                break;
            }
        }
        Assert.Contains("many-", ids[31], StringComparison.Ordinal);
        Assert.Equal("", ids[32]); // a browser forgets what it had
        feeds.ForEach(feed => feed.Dispose());
        await Refused(HttpStatusCode.BadRequest, "Last-Event-ID is 'many-1:2'", await ResumeAsync("many-1:2"));
        await Refused(HttpStatusCode.BadRequest, "Last-Event-ID is '@99999999999999999'", await ResumeAsync("@99999999999999999"));
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused_before_it_is_read()
    {
        using var keyless = new Page(_grid.Host.HttpAddress!);
        using var admin = new Page(_grid.Host.HttpAddress!, AdminKey);
        var json = $$"""{"audio":"{{new string('A', 200_000)}}"}""";
        await Refused(
            HttpStatusCode.TooManyRequests, "larger than 131072 bytes", await _anne.SendAsync(HttpMethod.Post, "/v1/tag", json));
        await Refused(
            HttpStatusCode.TooManyRequests, "larger than 131072 bytes", await admin.SendAsync(HttpMethod.Post, "/v1/admin/tenants", json));
        await Refused(HttpStatusCode.Unauthorized, "needs an API key", await keyless.SendAsync(HttpMethod.Post, "/v1/tag", json));
        using var http = new HttpClient { BaseAddress = _grid.Host.HttpAddress };
        using var chunked = new HttpRequestMessage(HttpMethod.Post, "/v1/tag")
        {
            Content = new StringContent(json, System.Text.Encoding.UTF8, "application/json"),
            Headers = { TransferEncodingChunked = true, Authorization = new("Bearer", AnnesKey) },
        };
        using var answer = await http.SendAsync(chunked);
        Assert.InRange((int)answer.StatusCode, 400, 499);
    }

    [Fact]
    public async Task A_client_whose_network_has_gone_loses_its_socket()
    {
        using var gone = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        await gone.ConnectAsync(_grid.Host.HttpAddress!.Host, _grid.Host.HttpAddress.Port);
        await gone.SendAsync(System.Text.Encoding.ASCII.GetBytes(
            $"GET /v1/streams/gone/audio?{Format} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + $"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer {AnnesKey}\r\n\r\n"));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var buffer = new byte[4096];
        var read = await gone.ReceiveAsync(buffer, deadline.Token);
        Assert.StartsWith("HTTP/1.1 101 ", System.Text.Encoding.ASCII.GetString(buffer, 0, read), StringComparison.Ordinal);
        try
        {
            do
            {
                read = await gone.ReceiveAsync(buffer, deadline.Token); // answers no ping
            }
            while (read > 0);
        }
        catch (System.Net.Sockets.SocketException reset) when (reset.SocketErrorCode == System.Net.Sockets.SocketError.ConnectionReset)
        {
        }
    }

    [Fact]
    public async Task A_subscription_that_cannot_be_is_refused_with_its_rule()
    {
        foreach (var (rule, problem) in new[]
        {
            ("min_peak_score=2", "filter.min_peak_score is 2"),
            ("min_event_duration=4000", "filter.min_event_duration is 4000 s"),
        })
        {
            await Refused(
                HttpStatusCode.BadRequest, problem, await _anne.SendAsync(HttpMethod.Get, $"/v1/subscribe?all_streams=true&{rule}"));
        }
        await Refused(
            HttpStatusCode.BadRequest, "the query is 'streamid'", await _anne.SendAsync(HttpMethod.Get, "/v1/subscribe?streamid=x"));
        await Refused(
            HttpStatusCode.BadRequest,
            "events_only is 'maybe'; true or false",
            await _anne.SendAsync(HttpMethod.Get, "/v1/subscribe?all_streams=true&events_only=maybe"));
        await Refused(
            HttpStatusCode.BadRequest,
            "min_interval is '1e9'",
            await _anne.SendAsync(HttpMethod.Get, "/v1/subscribe?all_streams=true&min_interval=1e9"));
        await Refused(
            HttpStatusCode.NotFound, "'unknown-1' is unknown", await _anne.SendAsync(HttpMethod.Get, "/v1/subscribe?stream_id=unknown-1"));
    }

    [Fact]
    public async Task Audio_over_a_WebSocket_is_heard_as_over_gRPC()
    {
        using var socket = await Browser().ConnectAsync(
            $"/v1/streams/mic/audio?{Format}&dense=true", "https://dashboard.example.org", "dass.v1", $"dass.key.{AnnesKey}");
        Assert.Equal("dass.v1", socket.SubProtocol);
        for (var first = 0; first < Babble.Samples; first += Babble.SampleRateHz)
        {
            await socket.SendAsync(
                Babble.Slice(first, Math.Min(Babble.SampleRateHz, Babble.Samples - first)),
                WebSocketMessageType.Binary,
                true,
                CancellationToken.None);
        }
        await Say(socket, """{"finish":{}}""");
        var answers = (await Page.ReadToEndAsync(socket)).ConvertAll(answer => Parser.Parse<StreamResponse>(answer.GetRawText()));
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
        Assert.Equal("mic", answers[0].Ready.StreamId);
        await BareSession.AssertEqualAsync(
            [.. answers.Where(answer => answer.Tags is not null).Select(answer => answer.Tags)], answers[^1].Summary);
    }

    [Fact]
    public async Task A_page_of_another_origin_opens_no_socket()
    {
        var refused = await Assert.ThrowsAsync<WebSocketException>(
            () => Browser().ConnectAsync($"/v1/streams/mic/audio?{Format}", "https://evil.example.org", $"dass.key.{AnnesKey}"));
        Assert.Contains("403", refused.Message, StringComparison.Ordinal);
        using var own = await Browser().ConnectAsync(
            $"/v1/streams/mic/audio?{Format}", _grid.Host.HttpAddress!.GetLeftPart(UriPartial.Authority), $"dass.key.{AnnesKey}");
    }

    [Theory]
    [InlineData("config", """{"config":{}}""", "config was sent twice")]
    [InlineData("text", "finish, please", "no StreamRequest in JSON")]
    [InlineData("torn", null, "ends inside a sample frame")]
    public async Task What_breaks_a_rule_ends_the_socket_with_the_rule(string stream, string? text, string rule)
    {
        using var socket = await Browser().ConnectAsync($"/v1/streams/{stream}/audio?{Format}", null, $"dass.key.{AnnesKey}");
        await (text is null ? socket.SendAsync(new byte[3], WebSocketMessageType.Binary, true, CancellationToken.None) : Say(socket, text));
        var last = (await Page.ReadToEndAsync(socket))[^1];
        Assert.Contains(rule, last.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, socket.CloseStatus);
    }

    [Fact]
    public async Task A_message_that_is_too_large_and_a_quota_are_said()
    {
        using var socket = await Browser().ConnectAsync($"/v1/streams/large/audio?{Format}", null, $"dass.key.{BobsKey}");
        await socket.SendAsync(new byte[70_000], WebSocketMessageType.Binary, true, CancellationToken.None);
        Assert.Contains("larger than 65536 bytes", (await Page.ReadToEndAsync(socket))[^1].GetRawText(), StringComparison.Ordinal);
        using var second = await Browser().ConnectAsync($"/v1/streams/second/audio?{Format}", null, $"dass.key.{BobsKey}");
        Assert.Contains("new_streams_per_minute", (await Page.ReadToEndAsync(second))[^1].GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_grid_without_keys_answers_to_loopback_names_only()
    {
        await using var open = await TestGrid.StartAsync(new() { ["Grid:HttpListen"] = "http://127.0.0.1:0" });
        using var client = new Page(open.Host.HttpAddress!);
        Assert.True((await client.SendAsync(HttpMethod.Get, "/v1/streams", host: "localhost")).IsSuccessStatusCode);
        await Refused(
            HttpStatusCode.Unauthorized,
            "not to 'rebound.example.org'",
            await client.SendAsync(HttpMethod.Get, "/v1/streams", host: "rebound.example.org"));
    }

    private async Task<HttpResponseMessage> ResumeAsync(string lastId)
    {
        using var http = new HttpClient();
        return await http.SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri(_grid.Host.HttpAddress!, "/v1/subscribe?stream_id=one"))
        {
            Headers = { { "Last-Event-ID", lastId }, { "authorization", $"Bearer {AnnesKey}" } },
        });
    }

    private Page Browser() => new(_grid.Host.HttpAddress!);

    private static long Chunk(JsonElement data) => Parser.Parse<SubscribeResponse>(data.GetRawText()).Tags.Chunk;

    private static Task Say(ClientWebSocket socket, string text) =>
        socket.SendAsync(System.Text.Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, CancellationToken.None);

    private static async Task Refused(HttpStatusCode status, string fragment, HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(
            answer.StatusCode == status && text.Contains(
                fragment.Replace("'", "\\u0027"), StringComparison.Ordinal) || text.Contains(fragment, StringComparison.Ordinal),
            $"{answer.StatusCode}: {text}");
        Assert.Equal(status, answer.StatusCode);
    }
}
