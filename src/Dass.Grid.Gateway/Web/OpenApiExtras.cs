using System.Text.Json.Nodes;

namespace Dass.Grid.Gateway.Web;

/// <summary>Of <see cref="OpenApi"/>, the paths that are no single call of gRPC: subscriptions, files, WebSockets, sessions.</summary>
internal static class OpenApiExtras
{
    /// <param name="schema">Refers to a message of the protos.</param>
    public static IEnumerable<(string Path, string Verb, JsonObject Operation)> Operations(Func<string, JsonObject> schema)
    {
        yield return ("/v1/subscribe", "get", Operation(
            "Subscribe",
            "Tags of streams as server-sent events: `event` is the kind of answer, `data` a SubscribeResponse, and the browser comes back "
            + "with the `id` of the last one. Spans are seconds.",
            WebQuery.SubscribeNames,
            OpenApi.Content("text/event-stream", schema("SubscribeResponse"))));
        yield return ("/v1/events:export", "get", Operation(
            "ExportEvents",
            "Kept events as a file. format: json_lines, csv, audacity, rttm or webvtt; the last three are of one stream.",
            WebQuery.ExportNames,
            OpenApi.Content("text/plain", new JsonObject { ["type"] = "string" })));
        var audio = Operation(
            "Stream",
            "A WebSocket that feeds a stream: the query is a StreamConfig, binary messages are raw samples, text messages StreamRequests "
            + "in JSON ({\"finish\":{}} ends the stream); answers are StreamResponses in JSON. Spans are seconds.",
            WebQuery.StreamNames,
            OpenApi.Content("application/json", schema("StreamResponse")),
            status: "101");
        ((JsonArray)audio["parameters"]!).Insert(0, new JsonObject
        {
            ["name"] = "stream_id", ["in"] = "path", ["required"] = true, ["schema"] = new JsonObject { ["type"] = "string" },
        });
        yield return ("/v1/streams/{stream_id}/audio", "get", audio);
        foreach (var (verb, id, what) in new[]
        {
            ("get", "GetSession", "What the browser may do here."),
            ("post", "CreateSession", "Opens a page's session: a cookie that stands for a tenant's key or token, or for an admin key."),
            ("delete", "DeleteSession", "Ends the sessions of the browser."),
        })
        {
            var operation = Operation(id, what, [], OpenApi.Content("application/json", Session()));
            if (verb == "post")
            {
                operation["requestBody"] = new JsonObject
                {
                    ["required"] = true,
                    ["content"] = OpenApi.Content("application/json", new JsonObject
                    {
                        ["type"] = "object",
                        ["required"] = new JsonArray("key"),
                        ["properties"] = new JsonObject { ["key"] = new JsonObject { ["type"] = "string" } },
                    }),
                };
            }
            yield return ("/v1/session", verb, operation);
        }
    }

    /// <summary>Tag takes a WAV file, too; its query is the rest of the request then.</summary>
    public static void AddOtherBody(string method, JsonObject operation)
    {
        if (method == "Tag")
        {
            operation["requestBody"]!["content"]!["audio/wav"] = new JsonObject
            {
                ["schema"] = new JsonObject { ["type"] = "string", ["format"] = "binary" },
            };
            operation["parameters"] = Query(WebQuery.TagNames);
        }
    }

    private static JsonObject Operation(string id, string description, string[] query, JsonObject content, string status = "200") => new()
    {
        ["operationId"] = id,
        ["tags"] = new JsonArray("Web"),
        ["description"] = description,
        ["parameters"] = Query(query),
        ["responses"] = OpenApi.Responses(content, status),
    };

    private static JsonArray Query(string[] names) => new([.. names.Select(name => (JsonNode)new JsonObject
    {
        ["name"] = name, ["in"] = "query", ["schema"] = new JsonObject { ["type"] = "string" },
    })]);

    private static JsonObject Session() => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["tenant"] = OrNull("Whose streams the browser sees; null: none's."),
            ["admin"] = OpenApi.Typed("boolean", "Whether it may make the calls of an administrator."),
            ["needsKey"] = OpenApi.Typed("boolean", "Whether anything needs a key here."),
            ["until"] = OrNull("End of a tenant's session that has just been opened."),
            ["adminUntil"] = OrNull("The same of an administrator's."),
        },
    };

    private static JsonObject OrNull(string description) => new()
    {
        ["type"] = new JsonArray("string", "null"), ["description"] = description,
    };
}
