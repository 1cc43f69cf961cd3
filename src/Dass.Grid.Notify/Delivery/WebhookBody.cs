using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Notify.Delivery;

/// <summary>What a webhook sends: the event, or what a chat wants instead.</summary>
internal static class WebhookBody
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <returns>The body, and its media type: a template that is a text is sent as plain text.</returns>
    public static (byte[] Bytes, string Type) Of(JsonElement? template, Notice notice)
    {
        if (template is not { } body)
        {
            return (notice.Payload(), "application/json");
        }
        var fields = notice.Fields;
        string Fill(string text) =>
            DestinationReader.Field().Replace(text, match => fields.GetValueOrDefault(match.Groups[1].Value, match.Value));
        if (body.ValueKind == JsonValueKind.String)
        {
            return (Encoding.UTF8.GetBytes(Fill(body.GetString()!)), "text/plain");
        }
        return (JsonSerializer.SerializeToUtf8Bytes(Filled(body, Fill), Json), "application/json");
    }

    private static JsonNode? Filled(JsonElement element, Func<string, string> fill) => element.ValueKind switch
    {
        JsonValueKind.String => JsonValue.Create(fill(element.GetString()!)),
        JsonValueKind.Array => new JsonArray([.. element.EnumerateArray().Select(each => Filled(each, fill))]),
        JsonValueKind.Object => new JsonObject(
            element.EnumerateObject().Select(field => KeyValuePair.Create(field.Name, Filled(field.Value, fill)))),
        JsonValueKind.Null => null,
        _ => JsonNode.Parse(element.GetRawText()),
    };
}
