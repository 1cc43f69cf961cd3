using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf;

namespace Dass.Grid.Cluster.Tests.Web;

/// <summary>Values in the query of a URL: those that gRPC takes are taken, and others are refused by name.</summary>
public sealed class WebQueryTests : IAsyncLifetime
{
    private const string Format = "encoding=pcm16&sample_rate_hz=16000";

    private static readonly JsonParser Parser = new(JsonParser.Settings.Default);

    private TestGrid _grid = null!;
    private Page _browser = null!;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(new() { ["Grid:HttpListen"] = "http://127.0.0.1:0" });
        _browser = new Page(_grid.Host.HttpAddress!);
    }

    public async Task DisposeAsync()
    {
        _browser.Dispose();
        await _grid.DisposeAsync();
    }

    [Fact]
    public async Task Positions_beyond_32_bits_take_a_stream_up_again()
    {
        const long Oldest = 5_000_000_000; // 87 h at 16 kHz
        using var socket = await _browser.ConnectAsync(
            $"/v1/streams/old/audio?{Format}&from_chunk=6000000000&oldest_sample={Oldest}");
        await socket.SendAsync(Babble.Slice(0, Babble.SampleRateHz), WebSocketMessageType.Binary, true, CancellationToken.None);
        await socket.SendAsync("""{"finish":{}}"""u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
        var ready = (await Page.ReadToEndAsync(socket))[0];
        Assert.InRange(Parser.Parse<StreamResponse>(ready.GetRawText()).Ready.NextSample, Oldest, long.MaxValue);
        await Refused(
            HttpStatusCode.NotFound,
            "'x' is unknown",
            await _browser.SendAsync(HttpMethod.Get, "/v1/subscribe?stream_id=x&from_chunk=6000000000"));
        await Refused(
            HttpStatusCode.BadRequest,
            "from_chunk is '9223372036854775808'; a whole number below 9,223,372,036,854,775,808",
            await _browser.SendAsync(HttpMethod.Get, "/v1/subscribe?stream_id=x&from_chunk=9223372036854775808"));
    }

    [Theory]
    [InlineData("&spectrogram=true", true)]
    [InlineData("", false)]
    public async Task A_page_asks_for_the_spectrogram_by_name(string query, bool comes)
    {
        using var socket = await _browser.ConnectAsync($"/v1/streams/seen-{comes}/audio?{Format}{query}");
        await socket.SendAsync(Babble.Slice(0, 2 * Babble.SampleRateHz), WebSocketMessageType.Binary, true, CancellationToken.None);
        await socket.SendAsync("""{"finish":{}}"""u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
        var tags = (await Page.ReadToEndAsync(socket))
            .Select(answer => Parser.Parse<StreamResponse>(answer.GetRawText()).Tags).Where(tags => tags is not null).ToArray();
        Assert.NotEmpty(tags);
        Assert.All(tags, each => Assert.Equal(comes, each.Spectrogram.Length > 0));
    }

    [Fact]
    public async Task A_page_that_comes_back_says_when_its_stream_began()
    {
        const string Begun = "2026-03-01T12:00:00.123456700Z"; // as Ready.begun has it: tenths of microseconds, written as nanoseconds
        using var socket = await _browser.ConnectAsync($"/v1/streams/young/audio?{Format}&begun={Begun}");
        await socket.SendAsync("""{"finish":{}}"""u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
        var ready = (await Page.ReadToEndAsync(socket))[0];
        Assert.Equal(Begun, ready.GetProperty("ready").GetProperty("begun").GetString());
        await Refused(
            HttpStatusCode.BadRequest,
            "begun is 'soon'; a time such as",
            await _browser.SendAsync(HttpMethod.Get, $"/v1/streams/young/audio?{Format}&begun=soon"));
    }

    [Theory]
    [InlineData("streams?page_size=abc", "page_size is 'abc'; a whole number below 2,147,483,648")]
    [InlineData("streams?pageSize=2147483648", "pageSize is '2147483648'; a whole number below 2,147,483,648")]
    [InlineData("streams/x?filter.top=1e400", "filter.top is '1e400'; a whole number below 2,147,483,648")]
    [InlineData("streams/x?filter.min_score=high", "filter.min_score is 'high'; a number")]
    [InlineData("streams/x?filter.dense=perhaps", "filter.dense is 'perhaps'; true or false")]
    [InlineData("streams/x?filter.min_event_duration=1", "filter.min_event_duration is '1'; seconds such as 1.5s")]
    [InlineData("events?selection.from=soon", "selection.from is 'soon'; a time such as 2026-03-01T12:00:00Z")]
    [InlineData("events?selection.min_peak_score=%1b", "selection.min_peak_score is '\u001b'; a number")]
    [InlineData("streams?pagesize=5", "the query is 'pagesize'; its names are page_size, page_token")]
    [InlineData("events?label=Dog", "the query is 'label'; its names are selection.stream_ids, selection.prefix, selection.labels, ")]
    [InlineData("streams/x?stream=y", "the query is 'stream'; its names are filter.top, ")]
    public async Task A_broken_value_of_a_query_is_refused_with_field_value_and_rule(string path, string problem) =>
        await Refused(HttpStatusCode.BadRequest, problem, await _browser.SendAsync(HttpMethod.Get, $"/v1/{path}"));

    [Theory]
    [InlineData("01/03/2026")]
    [InlineData("12:00")]
    [InlineData("1 March 2026")]
    public async Task What_may_mean_two_times_is_none(string time) => await Refused(
        HttpStatusCode.BadRequest,
        $"from is '{time}'; a time such as 2026-03-01T12:00Z",
        await _browser.SendAsync(HttpMethod.Get, $"/v1/events:export?from={Uri.EscapeDataString(time)}"));

    [Theory]
    [InlineData("2026-03-01")]
    [InlineData("2026-03-01T12:00")]
    [InlineData("2026-03-01 12:00:30")]
    [InlineData("2026-03-01T12:00:30.123+02:00")]
    [InlineData("2026-03-01T12:00:30.123456700Z")]
    public async Task Times_are_read_as_the_command_line_and_JSON_have_them(string time) => Assert.Equal(
        HttpStatusCode.OK,
        (await _browser.SendAsync(HttpMethod.Get, $"/v1/events:export?from={Uri.EscapeDataString(time)}")).StatusCode);

    private static async Task Refused(HttpStatusCode status, string problem, HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.Contains(problem, JsonDocument.Parse(text).RootElement.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(status, answer.StatusCode);
    }
}
