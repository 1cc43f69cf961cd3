using System.Net;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Api;
using Google.Protobuf.Reflection;
using Page = Dass.Grid.Cluster.Tests.Support.Page;
using Silo = Dass.Grid.V1.Silo;

namespace Dass.Grid.Cluster.Tests.Web;

/// <summary>The description of the HTTP API says what the grid answers.</summary>
public sealed class OpenApiTests : IAsyncLifetime
{
    private TestGrid _grid = null!;
    private Page _page = null!;
    private JsonElement _document;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(new() { ["Grid:HttpListen"] = "http://127.0.0.1:0" });
        _page = new Page(_grid.Host.HttpAddress!);
        _document = await _page.GetAsync("/openapi/v1.json");
    }

    public async Task DisposeAsync()
    {
        _page.Dispose();
        await _grid.DisposeAsync();
    }

    [Fact]
    public void Every_annotated_method_is_described_once()
    {
        var annotated = Tagging.Descriptor.Methods.Concat(Admin.Descriptor.Methods)
            .Where(method => method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not null).Select(method => method.Name);
        string[] others = ["Subscribe", "ExportEvents", "Stream", "GetSession", "CreateSession", "DeleteSession"];
        Assert.Equal(
            annotated.Concat(others).Order(),
            Operations().Select(operation => operation.Body.GetProperty("operationId").GetString()!).Order());
    }

    [Fact]
    public async Task Every_path_is_answered()
    {
        foreach (var (path, verb, _) in Operations())
        {
            using var answer = await _page.SendAsync(
                new HttpMethod(verb.ToUpperInvariant()),
                path.Replace("{", "x", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal),
                verb is "get" or "delete" ? null : "{}");
            var text = await answer.Content.ReadAsStringAsync();
            Assert.False(text.Contains("is nothing here", StringComparison.Ordinal), $"{verb} {path}: {answer.StatusCode} {text}");
            Assert.True(
                answer.StatusCode is not (HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed)
                    || text.Contains("\"code\"", StringComparison.Ordinal),
                $"{verb} {path}: {answer.StatusCode} {text}");
        }
    }

    [Fact]
    public void Every_reference_leads_to_a_schema_and_every_method_is_explained()
    {
        var schemas = _document.GetProperty("components").GetProperty("schemas");
        var references = new List<string>();
        Collect(_document, references);
        Assert.NotEmpty(references);
        Assert.All(references.Distinct(), reference => Assert.True(
            schemas.TryGetProperty(reference["#/components/schemas/".Length..], out _), reference));
        Assert.Contains(
            "audioset", schemas.GetProperty("TagFilter").GetProperty("properties").GetProperty("top").GetProperty("description")
                .GetString(), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("Streams of the tenant", Described("ListStreams"), StringComparison.Ordinal);
        Assert.Contains("Empties a silo", Described("DrainSilo"), StringComparison.Ordinal);
    }

    [Fact]
    public void Answers_have_the_names_that_JSON_has()
    {
        var schemas = _document.GetProperty("components").GetProperty("schemas");
        foreach (var message in new MessageDescriptor[] { StreamInfo.Descriptor, Tags.Descriptor, Silo.Descriptor, KeptEvent.Descriptor })
        {
            Assert.Equal(
                message.Fields.InDeclarationOrder().Select(field => field.JsonName).Order(),
                schemas.GetProperty(message.Name).GetProperty("properties").EnumerateObject().Select(property => property.Name).Order());
        }
    }

    [Fact]
    public async Task What_may_be_null_is_said()
    {
        var properties = Operations().Single(each => each.Body.GetProperty("operationId").GetString() == "GetSession").Body
            .GetProperty("responses").GetProperty("200").GetProperty("content").GetProperty("application/json").GetProperty("schema")
            .GetProperty("properties");
        foreach (var answer in (await _page.GetAsync("/v1/session")).EnumerateObject())
        {
            var type = properties.GetProperty(answer.Name).GetProperty("type");
            Assert.Contains(
                answer.Value.ValueKind is JsonValueKind.True or JsonValueKind.False
                    ? "boolean" : answer.Value.ValueKind.ToString().ToLowerInvariant(),
                type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(each => each.GetString()) : [type.GetString()]);
        }
        Assert.Equal("[\"string\",\"null\"]", properties.GetProperty("tenant").GetProperty("type").GetRawText());
    }

    [Fact]
    public void A_WebSocket_is_no_plain_answer() => Assert.Equal(
        ["101", "default"],
        Operations().Single(each => each.Path == "/v1/streams/{stream_id}/audio").Body.GetProperty("responses").EnumerateObject()
            .Select(response => response.Name));

    private string Described(string operation) => Operations()
        .Single(each => each.Body.GetProperty("operationId").GetString() == operation).Body.GetProperty("description").GetString()!;

    private IEnumerable<(string Path, string Verb, JsonElement Body)> Operations() =>
        from path in _document.GetProperty("paths").EnumerateObject()
        from verb in path.Value.EnumerateObject()
        select (path.Name, verb.Name, verb.Value);

    private static void Collect(JsonElement element, List<string> references)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                Collect(item, references);
            }
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in element.EnumerateObject())
            {
                if (property.Name == "$ref")
                {
                    references.Add(property.Value.GetString()!);
                }
                Collect(property.Value, references);
            }
        }
    }
}
