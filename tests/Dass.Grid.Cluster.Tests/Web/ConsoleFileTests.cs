using System.Net;
using System.Text.RegularExpressions;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Gateway.Web;

namespace Dass.Grid.Cluster.Tests.Web;

/// <summary>The console's files as a browser gets them, on a grid with keys: the page itself needs none.</summary>
public sealed partial class ConsoleFileTests : IAsyncLifetime
{
    private const int MostBytes = 60_000; // compressed, all files

    private TestGrid _grid = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(new()
        {
            ["Grid:HttpListen"] = "http://127.0.0.1:0",
            ["Tenants:anne:KeyHashes:0"] = KeyHash.Create("anne-0123456789abcdef").ToString(),
        });
        _http = new HttpClient(new HttpClientHandler { AutomaticDecompression = DecompressionMethods.Brotli })
        {
            BaseAddress = _grid.Host.HttpAddress,
        };
    }

    public async Task DisposeAsync()
    {
        _http.Dispose();
        await _grid.DisposeAsync();
    }

    [Fact]
    public async Task Every_file_that_the_page_names_is_here_and_none_is_elsewhere()
    {
        var (seen, left) = (new HashSet<string>(), new Queue<string>(["/"]));
        while (left.TryDequeue(out var path))
        {
            if (!seen.Add(path))
            {
                continue;
            }
            using var answer = await _http.GetAsync(path);
            Assert.True(answer.IsSuccessStatusCode, $"{path}: {answer.StatusCode}");
            var text = await answer.Content.ReadAsStringAsync();
            Assert.DoesNotMatch(Elsewhere(), text);
            foreach (Match named in Named().Matches(text))
            {
                left.Enqueue(named.Groups["path"].Value is { Length: > 0 } whole ? whole : $"/console/{named.Groups["module"].Value}");
            }
        }
        var folder = Path.Combine(Sources.Src, "Dass.Grid.Gateway", "Web", "Console");
        Assert.Equal(
            Directory.GetFiles(folder).Select(Path.GetFileName).Order(),
            seen.Select(path => path == "/" ? "index.html" : Path.GetFileName(path)).Order());
        Assert.InRange(ConsoleFiles.CompressedBytes, 1, MostBytes);
    }

    [Fact]
    public async Task Files_come_with_a_strict_policy_and_are_not_sent_twice()
    {
        foreach (var path in new[] { "/", "/console/app.js", "/console/console.css", "/console/icon.svg" })
        {
            using var answer = await _http.GetAsync(path);
            var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
            Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self';", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
            using var again = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "If-None-Match", $"{answer.Headers.ETag}" } } };
            using var second = await _http.SendAsync(again);
            Assert.Equal((HttpStatusCode.NotModified, 0), (second.StatusCode, (await second.Content.ReadAsByteArrayAsync()).Length));
        }
        using var none = await _http.GetAsync("/console/none.js");
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    [Fact]
    public async Task A_client_without_Brotli_gets_plain_text()
    {
        using var http = new HttpClient { BaseAddress = _grid.Host.HttpAddress };
        Assert.StartsWith("<!doctype html>", await http.GetStringAsync("/"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("br;q=0, gzip", false)]
    [InlineData("br;q=0.000", false)]
    [InlineData("gzip;q=1.0, BR;q=0.5", true)]
    [InlineData("brotli", false)]
    public async Task Brotli_goes_to_clients_that_take_it(string header, bool isTaken)
    {
        using var http = new HttpClient { BaseAddress = _grid.Host.HttpAddress };
        http.DefaultRequestHeaders.TryAddWithoutValidation("Accept-Encoding", header);
        using var answer = await http.GetAsync("/");
        Assert.Equal(isTaken, answer.Content.Headers.ContentEncoding.Contains("br"));
    }

    [Fact]
    public async Task An_operator_can_leave_the_page_out()
    {
        await using var grid = await TestGrid.StartAsync(
            new() { ["Grid:HttpListen"] = "http://127.0.0.1:0", ["Grid:Gateway:Console"] = "false" });
        using var http = new HttpClient { BaseAddress = grid.Host.HttpAddress };
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/")).StatusCode);
    }

    [GeneratedRegex("(?:src|href|addModule\\()[=]?\"(?<path>/console/[^\"]+)\"|from \"\\./(?<module>[^\"]+)\"")]
    private static partial Regex Named();

    [GeneratedRegex("(?:src|href)=\"(?:https?:)?//|import[^\"]*\"https?:|url\\((?!#)")]
    private static partial Regex Elsewhere();
}
