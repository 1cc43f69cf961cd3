using System.Net;
using System.Net.Http.Json;
using System.Net.WebSockets;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Web;

/// <summary>Cookies that stand for keys in a page.</summary>
public sealed class SessionTests : IAsyncLifetime
{
    private const string AnnesKey = "anne-0123456789abcdef";
    private const string AdminKey = "admin-0123456789abcdef";
    private const string Listed = "https://dashboard.example.org";

    private readonly StoreFolder _store = new();
    private TestGrid _grid = null!;

    private Dictionary<string, string?> Settings => _store.Settings(
        ("Grid:HttpListen", "http://127.0.0.1:0"),
        ("Grid:Gateway:Origins:0", Listed),
        ("Tenants:anne:KeyHashes:0", KeyHash.Create(AnnesKey).ToString()),
        ("Admin:KeyHashes:0", KeyHash.Create(AdminKey).ToString()));

    private string Own => _grid.Host.HttpAddress!.GetLeftPart(UriPartial.Authority);

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync(Settings);

    public async Task DisposeAsync()
    {
        await _grid.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task A_session_stands_for_its_key_until_it_is_deleted()
    {
        using var browser = new Browser(Own);
        Assert.Equal((null, false), await browser.StateAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/v1/streams")).StatusCode);

        using var opened = await browser.LogInAsync(AnnesKey);
        var cookie = Assert.Single(opened.Headers.GetValues("Set-Cookie"));
        Assert.Matches("^dass-session=[\\w-]+; expires=[^;]+; path=/; samesite=strict; httponly$", cookie);
        Assert.DoesNotContain("anne", cookie, StringComparison.Ordinal);
        Assert.Equal(("anne", false), await browser.StateAsync());
        Assert.True((await browser.GetAsync("/v1/streams")).IsSuccessStatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/v1/admin/tenants")).StatusCode);

        using var closed = await browser.SendAsync(HttpMethod.Delete, "/v1/session", Own);
        Assert.Equal(HttpStatusCode.OK, closed.StatusCode);
        Assert.Equal((null, false), await browser.StateAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/v1/streams")).StatusCode);
    }

    [Fact]
    public async Task An_administrators_session_stands_beside_a_tenants()
    {
        using var browser = new Browser(Own);
        using var anne = await browser.LogInAsync(AnnesKey);
        using var admin = await browser.LogInAsync(AdminKey);
        Assert.Equal(("anne", true), await browser.StateAsync());
        Assert.True((await browser.GetAsync("/v1/streams")).IsSuccessStatusCode);
        Assert.True((await browser.GetAsync("/v1/admin/tenants")).IsSuccessStatusCode);

        // One kind of session is not taken for the other.
        var jar = browser.Cookies.GetCookies(new Uri(Own));
        using var forger = new Browser(Own);
        forger.Cookies.Add(new Uri(Own), new Cookie("dass-admin-session", jar["dass-session"]!.Value));
        Assert.Equal(HttpStatusCode.Unauthorized, (await forger.GetAsync("/v1/admin/tenants")).StatusCode);
    }

    [Fact]
    public async Task A_key_that_is_none_opens_no_session()
    {
        using var browser = new Browser(Own);
        using var wrong = await browser.LogInAsync("no-key-of-this-grid");
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
        Assert.False(wrong.Headers.Contains("Set-Cookie"));
        var tooLong = $$"""{"key":"{{new string('k', 3_000)}}"}""";
        foreach (var body in new[] { "{}", "[]", "nonsense", """{"key":7}""", """{"key":""}""", tooLong })
        {
            using var broken = await browser.SendAsync(HttpMethod.Post, "/v1/session", Own, body);
            Assert.Equal(HttpStatusCode.BadRequest, broken.StatusCode);
        }
    }

    [Fact]
    public async Task Subscriptions_and_sockets_take_a_session()
    {
        using var browser = new Browser(Own);
        using var opened = await browser.LogInAsync(AnnesKey);
        using var socket = new ClientWebSocket();
        socket.Options.Cookies = browser.Cookies;
        socket.Options.SetRequestHeader("Origin", Own);
        await socket.ConnectAsync(
            new Uri($"{Own.Replace("http", "ws", StringComparison.Ordinal)}/v1/streams/mic/audio?encoding=pcm16&sample_rate_hz=16000"),
            CancellationToken.None).WaitAsync(TestGrid.Patience);
        await socket.SendAsync(Babble.Slice(0, 32_000), WebSocketMessageType.Binary, true, CancellationToken.None);
        using var deadline = new CancellationTokenSource(TestGrid.Patience);
        await TestGrid.UntilAsync(async () =>
            (await (await browser.GetAsync("/v1/streams")).Content.ReadAsStringAsync()).Contains("\"mic\"", StringComparison.Ordinal));

        using var events = await browser.SendAsync(HttpMethod.Get, "/v1/subscribe?stream_id=mic&from_chunk=0", origin: null);
        using var lines = new StreamReader(await events.Content.ReadAsStreamAsync(deadline.Token));
        string? line;
        while ((line = await lines.ReadLineAsync(deadline.Token)) is not "event: tags")
        {
            Assert.NotNull(line);
        }
    }

    [Theory]
    [InlineData("GET", "/v1/streams", null, null, HttpStatusCode.OK)] // an address that is typed in, or a page's own fetch
    [InlineData("GET", "/v1/streams", "own", null, HttpStatusCode.OK)]
    [InlineData("GET", "/v1/streams", Listed, "cross-site", HttpStatusCode.OK)]
    [InlineData("GET", "/v1/streams", "https://evil.example.org", "cross-site", HttpStatusCode.Forbidden)]
    [InlineData("GET", "/v1/streams", null, "same-site", HttpStatusCode.Forbidden)] // e.g. a picture in a page of another port
    [InlineData("POST", "/v1/streams/none:close", "own", null, HttpStatusCode.NotFound)] // let in
    [InlineData("POST", "/v1/streams/none:close", null, null, HttpStatusCode.Forbidden)]
    [InlineData("POST", "/v1/streams/none:close", "https://evil.example.org", null, HttpStatusCode.Forbidden)]
    [InlineData("DELETE", "/v1/session", null, null, HttpStatusCode.Forbidden)]
    [InlineData("DELETE", "/v1/session", "https://evil.example.org", null, HttpStatusCode.Forbidden)]
    public async Task A_cookie_counts_only_for_pages_that_are_known(
        string method, string path, string? origin, string? site, HttpStatusCode expected)
    {
        using var browser = new Browser(Own);
        using var opened = await browser.LogInAsync(AnnesKey);
        using var answer = await browser.SendAsync(new HttpMethod(method), path, origin == "own" ? Own : origin, "{}", site);
        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task A_page_from_elsewhere_cannot_log_a_browser_in()
    {
        using var browser = new Browser(Own);
        foreach (var origin in new[] { null, "https://evil.example.org" })
        {
            using var answer = await browser.SendAsync(HttpMethod.Post, "/v1/session", origin, $$"""{"key":"{{AnnesKey}}"}""");
            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
            Assert.False(answer.Headers.Contains("Set-Cookie"));
        }
    }

    [Fact]
    public async Task A_session_outlives_its_gateway_and_not_its_key()
    {
        var admin = new Metadata { { "x-api-key", AdminKey } };
        var made = await _grid.Admin.CreateTenantAsync(new CreateTenantRequest { Name = "zoo" }, admin);
        using var browser = new Browser(Own);
        using var opened = await browser.LogInAsync(made.Key);
        var cookies = browser.Cookies.GetCookies(new Uri(Own));
        await _grid.DisposeAsync();
        _grid = await TestGrid.StartAsync(Settings);

        using var later = new Browser(Own);
        later.Cookies.Add(cookies);
        await TestGrid.UntilAsync(async () => (await later.GetAsync("/v1/streams")).IsSuccessStatusCode);
        await _grid.Admin.RotateKeyAsync(new RotateKeyRequest { Name = "zoo" }, admin);
        await TestGrid.UntilAsync(async () => (await later.GetAsync("/v1/streams")).StatusCode == HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task A_session_that_has_been_changed_or_is_over_is_none()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow);
        var settings = Settings;
        settings["Grid:Gateway:SessionLifetime"] = "01:00:00";
        settings["Grid:StoreDirectory"] = $"{_store.Place}-clock";
        var grid = await TestGrid.StartAsync(time, settings);
        var own = grid.Host.HttpAddress!.GetLeftPart(UriPartial.Authority);
        using var browser = new Browser(own);
        using var opened = await browser.LogInAsync(AnnesKey);
        Assert.Equal(("anne", false), await browser.StateAsync());

        var cookie = browser.Cookies.GetCookies(new Uri(own))["dass-session"]!.Value;
        using var forger = new Browser(own);
        foreach (var forged in new[] { $"{cookie[..^1]}{(cookie[^1] == 'A' ? 'B' : 'A')}", cookie[..20], "", "%%%", new string('A', 200) })
        {
            forger.Cookies.Add(new Uri(own), new Cookie("dass-session", forged));
            Assert.Equal(HttpStatusCode.Unauthorized, (await forger.GetAsync("/v1/streams")).StatusCode);
        }

        time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(("anne", false), await browser.StateAsync());
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal((null, false), await browser.StateAsync());
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/v1/streams")).StatusCode);
        await grid.StopAsync(time);
    }

    [Fact]
    public async Task A_grid_without_keys_needs_no_session()
    {
        await using var open = await TestGrid.StartAsync(new() { ["Grid:HttpListen"] = "http://127.0.0.1:0" });
        using var browser = new Browser(open.Host.HttpAddress!.GetLeftPart(UriPartial.Authority));
        Assert.Equal(("default", true), await browser.StateAsync());
        using var opened = await browser.LogInAsync("any");
        Assert.False(opened.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task Pages_of_listed_origins_may_call_and_others_may_not()
    {
        using var browser = new Browser(Own);
        foreach (var (origin, allowed) in new[] { (Listed, true), ("https://evil.example.org", false) })
        {
            using var asked = await browser.SendAsync(HttpMethod.Options, "/v1/streams", origin, method: "GET");
            Assert.Equal(allowed, asked.Headers.Contains("Access-Control-Allow-Origin"));
            using var asked2 = await browser.SendAsync(HttpMethod.Options, "/v1/tag", origin, method: "POST");
            Assert.Equal(allowed, asked2.Headers.Contains("Access-Control-Allow-Origin"));
            using var answer = await browser.SendAsync(HttpMethod.Get, "/v1/models", origin, key: AnnesKey);
            Assert.True(answer.IsSuccessStatusCode);
            Assert.Equal(
                allowed ? [Listed] : [], answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var values) ? values : []);
        }
        using var refused = await browser.SendAsync(HttpMethod.Get, "/v1/models", Listed);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.True(refused.Headers.Contains("Access-Control-Allow-Origin"), "The page cannot read why it is refused.");
    }

    /// <summary>A client that keeps cookies, and names its page's origin where a test wants it.</summary>
    private sealed class Browser : IDisposable
    {
        private readonly HttpClient _http;
        private readonly string _own;

        public Browser(string own)
        {
            _own = own;
            _http = new HttpClient(new HttpClientHandler { CookieContainer = Cookies }) { BaseAddress = new Uri(own) };
        }

        public CookieContainer Cookies { get; } = new();

        public Task<HttpResponseMessage> GetAsync(string path) => _http.GetAsync(path);

        public Task<HttpResponseMessage> LogInAsync(string key) =>
            SendAsync(HttpMethod.Post, "/v1/session", _own, JsonSerializer.Serialize(new { key }));

        public async Task<(string? Tenant, bool Admin)> StateAsync()
        {
            var state = await _http.GetFromJsonAsync<JsonElement>("/v1/session");
            return (state.GetProperty("tenant").GetString(), state.GetProperty("admin").GetBoolean());
        }

        public Task<HttpResponseMessage> SendAsync(
            HttpMethod verb,
            string path,
            string? origin,
            string? json = null,
            string? site = null,
            string? method = null,
            string? key = null)
        {
            var request = new HttpRequestMessage(verb, path)
            {
                Content = json is null || verb == HttpMethod.Get
                    ? null
                    : new StringContent(json, System.Text.Encoding.UTF8, "application/json"),
            };
            foreach (var (name, value) in new[]
            {
                ("Origin", origin), ("Sec-Fetch-Site", site), ("Access-Control-Request-Method", method), ("x-api-key", key),
            })
            {
                if (value is not null)
                {
                    request.Headers.Add(name, value);
                }
            }
            return _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        }

        public void Dispose() => _http.Dispose();
    }
}
