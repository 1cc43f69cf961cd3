using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Web;

/// <summary>Every way over HTTP writes the same JSON, reads the same names, and refuses in the same words.</summary>
public sealed class WebDialectTests : IAsyncLifetime
{
    private const string Key = "anne-0123456789abcdef";
    private const string Format = "encoding=ENCODING_PCM16&sampleRateHz=16000"; // JSON's spelling; the protos' is in WebTests

    private static readonly JsonParser Parser = new(JsonParser.Settings.Default);
    private static readonly Metadata Anne = new() { { "authorization", $"Bearer {Key}" } };

    private TestGrid _grid = null!;
    private Page _page = null!;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(new()
        {
            ["Grid:HttpListen"] = "http://127.0.0.1:0",
            ["Tenants:anne:KeyHashes:0"] = KeyHash.Create(Key).ToString(),
            ["Tenants:anne:Limits:MessageBytes"] = $"{Babble.Pcm.Length}",
        });
        _page = new Page(_grid.Host.HttpAddress!, Key);
    }

    public async Task DisposeAsync()
    {
        _page.Dispose();
        await _grid.DisposeAsync();
    }

    [Fact]
    public async Task Numbers_are_written_alike_by_every_way()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("one"), Anne);
        await feed.SendBabbleAsync(0, 4 * Babble.SampleRateHz);
        await feed.AppliedAsync(4 * Babble.SampleRateHz);
        var single = (await _page.GetAsync("/v1/streams/one")).GetProperty("nextSample");
        var told = default(JsonElement);
        await foreach (var (_, kind, data) in _page.EventsAsync("/v1/subscribe?streamId=one&fromChunk=0&top=1"))
        {
            if (kind == "tags")
            {
                told = data.GetProperty("tags").GetProperty("chunk");
                break;
            }
        }
        using var socket = await ConnectAsync("two");
        var ready = (await ReadAsync(socket)).GetProperty("ready").GetProperty("nextSample");
        Assert.All([single, told, ready], number => Assert.Equal(JsonValueKind.String, number.ValueKind));
        Assert.Equal($"{4 * Babble.SampleRateHz}", single.GetString());

        // The generated schema says so, too.
        var api = await _page.GetAsync("/openapi/v1.json");
        var field = api.GetProperty("components").GetProperty("schemas").GetProperty("StreamInfo").GetProperty("properties");
        Assert.Equal("string", field.GetProperty("nextSample").GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_message_is_the_same_JSON_from_both_writers()
    {
        using var wav = Wav(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "fixtures", "babble.wav")));
        using var file = await _page.PostAsync("/v1/tag?top=3&dense=false", wav);
        var ofFile = await file.Content.ReadAsStringAsync();
        Assert.True(file.IsSuccessStatusCode, ofFile);
        var json = $$"""
            {"format":{"encoding":"ENCODING_PCM16","sampleRateHz":16000,"channels":1},"filter":{"top":3},
            "audio":"{{Convert.ToBase64String(Babble.Pcm)}}"}
            """;
        var ofJson = await (await _page.SendAsync(HttpMethod.Post, "/v1/tag", json)).Content.ReadAsStringAsync();
        Assert.Equal(Shape(JsonDocument.Parse(ofJson).RootElement), Shape(JsonDocument.Parse(ofFile).RootElement));
        Assert.Equal(Parser.Parse<TagResponse>(ofJson), Parser.Parse<TagResponse>(ofFile));
        Assert.Equal(16, Parser.Parse<TagResponse>(ofFile).Chunks.Count);
    }

    [Fact]
    public async Task A_WAV_is_taken_by_the_rules_of_Tag()
    {
        async Task<(HttpStatusCode Status, string Text)> PostAsync(byte[] body, string query = "", string type = "audio/wav")
        {
            using var wav = Wav(body, type);
            using var answer = await _page.PostAsync($"/v1/tag{query}", wav);
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
        void Refused(HttpStatusCode status, string fragment, (HttpStatusCode Status, string Text) answer)
        {
            Assert.Contains(fragment, JsonDocument.Parse(answer.Text).RootElement.GetProperty("message").GetString());
            Assert.Equal(status, answer.Status);
        }
        var whole = Header(Babble.Pcm.Length, Babble.Pcm);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(whole, "?top=1", "audio/x-wav")).Status);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(Header(-1, Babble.Pcm[..64_000]))).Status); // a program that cannot seek
        Assert.Equal(HttpStatusCode.OK, (await PostAsync(Header(64_000, Babble.Pcm[..64_000], "LIST"))).Status);
        Refused(HttpStatusCode.BadRequest, "does not begin with RIFF", await PostAsync(Babble.Pcm[..64_000]));
        Refused(HttpStatusCode.BadRequest, "ends before its data", await PostAsync(whole[..40]));
        Refused(HttpStatusCode.BadRequest, "format tag is 17 with 4 bits", await PostAsync(Header(64, new byte[64], tag: 17, bits: 4)));
        Refused(HttpStatusCode.BadRequest, "audio", await PostAsync(Header(0, [])));
        Refused(HttpStatusCode.BadRequest, "the query is 'tpo'", await PostAsync(whole, "?tpo=1"));
        Refused(HttpStatusCode.NotFound, "nosuch", await PostAsync(whole, "?model=nosuch"));
        Refused(HttpStatusCode.TooManyRequests, "quota message_bytes", await PostAsync(Header(500_000, new byte[500_000])));
        Refused(HttpStatusCode.TooManyRequests, "larger than", await PostAsync(new byte[3_000_000]));
        using var stranger = new Page(_grid.Host.HttpAddress!);
        using var file = Wav(whole);
        Assert.Equal(HttpStatusCode.Unauthorized, (await stranger.PostAsync("/v1/tag", file)).StatusCode);
        // What was refused is not in the usage records: 15.06 s and twice 2 s were taken.
        await TestGrid.UntilAsync(async () =>
            (await _grid.Client.GetUsageAsync(new GetUsageRequest(), Anne)).Models is [{ AudioSeconds: > 19.05 and < 19.07 }]);
    }

    [Theory]
    [InlineData("GET", "/nosuch", 404)]
    [InlineData("GET", "/v1/nosuch", 404)]
    [InlineData("POST", "/v1/events:export", 404)]
    public async Task What_is_not_there_is_said_in_JSON(string verb, string path, int status)
    {
        var answer = await _page.SendAsync(new HttpMethod(verb), path, verb == "POST" ? "{}" : null);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        var error = JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        Assert.Contains(path, error.GetProperty("message").GetString());
        Assert.Equal(5, error.GetProperty("code").GetInt32());
    }

    [Theory]
    [InlineData("encoding=mp3&sample_rate_hz=16000", "encoding is 'mp3'")]
    [InlineData("encoding=pcm16&sample_rate=16000", "the query is 'sample_rate'")]
    public async Task What_is_wrong_with_a_query_is_told_over_the_socket(string query, string rule)
    {
        using var socket = await new Page(_grid.Host.HttpAddress!).ConnectAsync(
            $"/v1/streams/mic/audio?{query}", null, $"dass.key.{Key}");
        var last = (await Page.ReadToEndAsync(socket))[^1];
        Assert.Contains(rule, last.GetProperty("error").GetProperty("message").GetString());
        Assert.Equal(3, last.GetProperty("error").GetProperty("code").GetInt32());
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, socket.CloseStatus);
        Assert.Contains(rule, socket.CloseStatusDescription);
    }

    [Fact]
    public async Task Names_are_read_as_the_protos_and_as_JSON_spell_them()
    {
        foreach (var query in new[]
        {
            "format=csv&stream_id=a&min_peak_score=0.5", "format=EXPORT_FORMAT_CSV&streamId=a&minPeakScore=0.5",
            "format=csv&selection.streamIds=a&selection.min_peak_score=0.5&selection.labels=Dog",
        })
        {
            var answer = await _page.SendAsync(HttpMethod.Get, $"/v1/events:export?{query}");
            Assert.StartsWith("stream_id,onset", await answer.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused_on_the_port_of_gRPC_as_well()
    {
        using var http = new HttpClient
        {
            BaseAddress = _grid.Host.Address,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Key) },
        };
        var json = $$"""{"audio":"{{new string('A', 3 << 20)}}"}""";
        using var body = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using var answer = await http.PostAsync("/v1/tag", body);
        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.Contains("larger than 2097152 bytes", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private async Task<ClientWebSocket> ConnectAsync(string stream) =>
        await new Page(_grid.Host.HttpAddress!).ConnectAsync($"/v1/streams/{stream}/audio?{Format}", null, $"dass.key.{Key}");

    private static async Task<JsonElement> ReadAsync(ClientWebSocket socket)
    {
        var buffer = new byte[1 << 16];
        var read = 0;
        ValueWebSocketReceiveResult part;
        do
        {
            part = await socket.ReceiveAsync(buffer.AsMemory(read), CancellationToken.None);
            read += part.Count;
        }
        while (!part.EndOfMessage);
        return JsonDocument.Parse(buffer.AsMemory(0, read)).RootElement;
    }

    private static ByteArrayContent Wav(byte[] body, string type = "audio/wav") =>
        new(body) { Headers = { ContentType = new MediaTypeHeaderValue(type) } };

    private static byte[] Header(int size, byte[] samples, string? before = null, short tag = 1, short bits = 16)
    {
        var extra = before is null ? [] : (byte[])[.. System.Text.Encoding.ASCII.GetBytes(before), 3, 0, 0, 0, 1, 2, 3, 0];
        var fmt = new byte[24];
        System.Text.Encoding.ASCII.GetBytes("fmt ").CopyTo(fmt, 0);
        BinaryPrimitives.WriteInt32LittleEndian(fmt.AsSpan(4), 16);
        BinaryPrimitives.WriteInt16LittleEndian(fmt.AsSpan(8), tag);
        BinaryPrimitives.WriteInt16LittleEndian(fmt.AsSpan(10), 1);
        BinaryPrimitives.WriteInt32LittleEndian(fmt.AsSpan(12), 16_000);
        BinaryPrimitives.WriteInt32LittleEndian(fmt.AsSpan(16), 32_000);
        BinaryPrimitives.WriteInt16LittleEndian(fmt.AsSpan(20), 2);
        BinaryPrimitives.WriteInt16LittleEndian(fmt.AsSpan(22), bits);
        var data = new byte[8];
        System.Text.Encoding.ASCII.GetBytes("data").CopyTo(data, 0);
        BinaryPrimitives.WriteInt32LittleEndian(data.AsSpan(4), size);
        return [.. "RIFF"u8, 0, 0, 0, 0, .. "WAVE"u8, .. fmt, .. extra, .. data, .. samples];
    }

    /// <summary>Names and kinds of values, without the values.</summary>
    private static string Shape(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => $"{{{string.Join(',', json.EnumerateObject().Select(field => $"{field.Name}:{Shape(field.Value)}"))}}}",
        JsonValueKind.Array => $"[{string.Join(',', json.EnumerateArray().Select(Shape))}]",
        JsonValueKind.True or JsonValueKind.False => "bool",
        _ => $"{json.ValueKind}",
    };
}
