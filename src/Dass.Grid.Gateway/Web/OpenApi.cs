using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;
using Google.Api;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// <c>/openapi/v1.json</c>: what HTTP answers, for generators of clients and for people. Made of the protos: paths of their annotations,
/// messages as JSON writes them, and their comments; with the paths that no annotation can say.
/// </summary>
internal static class OpenApi
{
    private static readonly Dictionary<string, string> Comments = ProtoComments.Read(Protos());
    private static readonly Lazy<byte[]> Document = new(() => Encoding.UTF8.GetBytes(Make().ToJsonString()));

    public static async Task AnswerAsync(HttpContext http)
    {
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = Document.Value.Length;
        await http.Response.Body.WriteAsync(Document.Value, http.RequestAborted);
    }

    private static JsonObject Make()
    {
        var (paths, schemas) = (new JsonObject(), new SortedDictionary<string, JsonObject>(StringComparer.Ordinal));
        foreach (var method in V1.Tagging.Descriptor.Methods.Concat(V1.Admin.Descriptor.Methods))
        {
            if (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is { } http)
            {
                var (verb, path) = Route(http);
                Path(paths, path)[verb] = Operation(method, path, http.Body == "*", schemas);
            }
        }
        foreach (var (path, verb, operation) in OpenApiExtras.Operations(name => Named(name, schemas)))
        {
            Path(paths, path)[verb] = operation;
        }
        schemas["Error"] = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["code"] = Typed("integer", "Of gRPC, e.g. 3: INVALID_ARGUMENT."),
                ["message"] = Typed("string", "Names the field, the value and the rule."),
            },
        };
        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "Dass.Grid",
                ["version"] = "v1",
                ["description"] = "Live sound tags: audio in, scores of AudioSet labels out. Fields that are absent have their type's "
                    + "zero. The same over gRPC: protos/dass/grid/v1.",
            },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = new JsonObject(schemas.Select(schema => KeyValuePair.Create(schema.Key, (JsonNode?)schema.Value))),
                ["securitySchemes"] = new JsonObject
                {
                    ["bearer"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer" },
                    ["key"] = new JsonObject { ["type"] = "apiKey", ["in"] = "header", ["name"] = "x-api-key" },
                    ["session"] = new JsonObject { ["type"] = "apiKey", ["in"] = "cookie", ["name"] = "dass-session" },
                },
            },
            ["security"] = new JsonArray(Needs("bearer"), Needs("key"), Needs("session"), new JsonObject()),
        };
    }

    private static (string Verb, string Path) Route(HttpRule rule) => rule.PatternCase switch
    {
        HttpRule.PatternOneofCase.Get => ("get", rule.Get),
        HttpRule.PatternOneofCase.Put => ("put", rule.Put),
        HttpRule.PatternOneofCase.Post => ("post", rule.Post),
        HttpRule.PatternOneofCase.Delete => ("delete", rule.Delete),
        HttpRule.PatternOneofCase.Patch => ("patch", rule.Patch),
        _ => throw new InvalidOperationException($"{rule} has no path."),
    };

    private static JsonObject Operation(MethodDescriptor method, string path, bool hasBody, SortedDictionary<string, JsonObject> schemas)
    {
        var parameters = new JsonArray();
        foreach (var field in method.InputType.Fields.InDeclarationOrder())
        {
            if (path.Contains($"{{{field.Name}}}", StringComparison.Ordinal))
            {
                parameters.Add((JsonNode)Parameter("path", field.Name, field, schemas));
            }
            else if (!hasBody)
            {
                AddQuery(parameters, "", field, schemas);
            }
        }
        var operation = new JsonObject
        {
            ["operationId"] = method.Name,
            ["tags"] = new JsonArray(method.Service.Name),
            ["responses"] = Responses(Content("application/json", Reference(method.OutputType, schemas))),
        };
        Describe(operation, $"{method.Service.Name}.{method.Name}");
        if (parameters.Count > 0)
        {
            operation["parameters"] = parameters;
        }
        if (hasBody)
        {
            operation["requestBody"] = new JsonObject
            {
                ["required"] = true,
                ["content"] = Content("application/json", Reference(method.InputType, schemas)),
            };
            OpenApiExtras.AddOtherBody(method.Name, operation);
        }
        return operation;
    }

    /// <summary>Fields of messages in a query have names such as <c>selection.from</c>.</summary>
    private static void AddQuery(JsonArray parameters, string prefix, FieldDescriptor field, SortedDictionary<string, JsonObject> schemas)
    {
        var isPlain = field.FieldType != FieldType.Message || WellKnown(field.MessageType) is not null;
        if (isPlain)
        {
            parameters.Add((JsonNode)Parameter("query", prefix + field.Name, field, schemas));
            return;
        }
        if (field.IsRepeated)
        {
            return; // a query cannot hold lists of messages
        }
        foreach (var inner in field.MessageType.Fields.InDeclarationOrder())
        {
            AddQuery(parameters, $"{prefix}{field.Name}.", inner, schemas);
        }
    }

    private static JsonObject Parameter(string place, string name, FieldDescriptor field, SortedDictionary<string, JsonObject> schemas)
    {
        var parameter = new JsonObject { ["name"] = name, ["in"] = place, ["schema"] = Schema(field, schemas) };
        Describe(parameter, $"{field.ContainingType.Name}.{field.Name}");
        if (place == "path")
        {
            parameter["required"] = true;
        }
        return parameter;
    }

    /// <summary>What an answer of JSON may be: the value, or an error.</summary>
    /// <param name="content">The value.</param>
    /// <param name="status">Of HTTP, of an answer that is no error.</param>
    internal static JsonObject Responses(JsonObject content, string status = "200") => new()
    {
        [status] = new JsonObject { ["description"] = "The answer.", ["content"] = content },
        ["default"] = new JsonObject
        {
            ["description"] = "A refusal.",
            ["content"] = Content("application/json", new JsonObject { ["$ref"] = "#/components/schemas/Error" }),
        },
    };

    internal static JsonObject Content(string type, JsonObject schema) => new() { [type] = new JsonObject { ["schema"] = schema } };

    internal static JsonObject Typed(string type, string description) => new() { ["type"] = type, ["description"] = description };

    private static JsonObject Named(string message, SortedDictionary<string, JsonObject> schemas) =>
        Reference(V1.TaggingReflection.Descriptor.FindTypeByName<MessageDescriptor>(message), schemas);

    private static JsonObject Reference(MessageDescriptor message, SortedDictionary<string, JsonObject> schemas)
    {
        if (WellKnown(message) is { } known)
        {
            return known;
        }
        if (!schemas.ContainsKey(message.Name))
        {
            var (schema, properties) = (new JsonObject { ["type"] = "object" }, new JsonObject());
            schemas[message.Name] = schema; // before its fields, which may be of the same type
            Describe(schema, message.Name);
            foreach (var field in message.Fields.InDeclarationOrder())
            {
                var property = Schema(field, schemas);
                Describe(property, $"{message.Name}.{field.Name}");
                properties[field.JsonName] = property;
            }
            schema["properties"] = properties;
        }
        return new JsonObject { ["$ref"] = $"#/components/schemas/{message.Name}" };
    }

    private static JsonObject Schema(FieldDescriptor field, SortedDictionary<string, JsonObject> schemas) => field switch
    {
        { IsMap: true } => new JsonObject
        {
            ["type"] = "object", ["additionalProperties"] = Element(field.MessageType.FindFieldByNumber(2), schemas),
        },
        { IsRepeated: true } => new JsonObject { ["type"] = "array", ["items"] = Element(field, schemas) },
        _ => Element(field, schemas),
    };

    private static JsonObject Element(FieldDescriptor field, SortedDictionary<string, JsonObject> schemas) => field.FieldType switch
    {
        FieldType.Message => Reference(field.MessageType, schemas),
        FieldType.Enum => new JsonObject
        {
            ["type"] = "string",
            ["enum"] = new JsonArray([.. field.EnumType.Values.Select(value => (JsonNode)value.Name)]),
        },
        FieldType.Bool => new JsonObject { ["type"] = "boolean" },
        FieldType.Float => new JsonObject { ["type"] = "number", ["format"] = "float" },
        FieldType.Double => new JsonObject { ["type"] = "number", ["format"] = "double" },
        FieldType.Int32 => new JsonObject { ["type"] = "integer", ["format"] = "int32" },
        FieldType.Int64 => new JsonObject { ["type"] = "string", ["format"] = "int64" },
        FieldType.Bytes => new JsonObject { ["type"] = "string", ["contentEncoding"] = "base64" },
        FieldType.String => new JsonObject { ["type"] = "string" },
        var other => throw new InvalidOperationException($"{field.FullName} is {other}, which this document cannot say yet."),
    };

    private static JsonObject? WellKnown(MessageDescriptor message) =>
        message == Timestamp.Descriptor ? new JsonObject { ["type"] = "string", ["format"] = "date-time" }
        : message == Duration.Descriptor ? Typed("string", "Seconds, e.g. 1.5s.")
        : null;

    private static void Describe(JsonObject what, string name)
    {
        if (Comments.TryGetValue(name, out var comment))
        {
            what["description"] = comment;
        }
    }

    private static JsonObject Needs(string scheme) => new() { [scheme] = new JsonArray() };

    private static JsonObject Path(JsonObject paths, string path)
    {
        if (paths[path] is not JsonObject found)
        {
            paths[path] = found = [];
        }
        return found;
    }

    private static IEnumerable<string> Protos()
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".proto", StringComparison.Ordinal)))
        {
            using var text = new StreamReader(assembly.GetManifestResourceStream(name)!);
            while (text.ReadLine() is { } line)
            {
                yield return line;
            }
        }
    }
}
