using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using Dass.Grid.Gateway.Protocol;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// Names and values in the queries of single calls, e.g. <c>page_size=abc</c>. The library that makes messages of queries ignores unknown
/// names and refuses broken values in .NET's words; here both are refused before, with field, value and rule.
/// </summary>
internal static class QueryFields
{
    private static readonly Dictionary<string, MessageDescriptor> Requests = V1.Tagging.Descriptor.Methods
        .Concat(V1.Admin.Descriptor.Methods)
        .ToDictionary(method => $"/{method.Service.FullName}/{method.Name}", method => method.InputType, StringComparer.Ordinal);

    /// <summary>The rule of a number of so many bits.</summary>
    public static string WholeNumber<T>()
        where T : struct, IBinaryInteger<T>, IMinMaxValue<T> =>
        string.Create(CultureInfo.InvariantCulture, $"a whole number below {UInt128.CreateChecked(T.MaxValue) + UInt128.One:N0}");

    public static void AreChecked(EndpointBuilder endpoint)
    {
        var serve = endpoint.RequestDelegate!;
        if (endpoint.Metadata.OfType<GrpcMethodMetadata>().FirstOrDefault() is not { } method
            || !Requests.TryGetValue(method.Method.FullName, out var request))
        {
            return;
        }
        endpoint.RequestDelegate = http =>
        {
            foreach (var (name, values) in http.Request.Query)
            {
                if (!HttpMethods.IsPost(http.Request.Method) && Find(request, name) is null)
                {
                    var names = Names(request).Where(each => !http.Request.RouteValues.ContainsKey(each));
                    return HttpRefusals.AnswerAsync(
                        http, ProtocolErrors.Query("the query", name, $"its names are {string.Join(", ", names)}"));
                }
                foreach (var value in values)
                {
                    if (Find(request, name) is { } field && Broken(field, value ?? "") is { } rule)
                    {
                        return HttpRefusals.AnswerAsync(http, ProtocolErrors.Query(name, value ?? "", rule));
                    }
                }
            }
            return serve(http);
        };
    }

    /// <summary>Those of a query: fields of messages in it are <c>selection.prefix</c>.</summary>
    private static IEnumerable<string> Names(MessageDescriptor message) => message.Fields.InDeclarationOrder().SelectMany(field =>
        field.FieldType == FieldType.Message && field.MessageType.File == message.File
            ? field.IsRepeated ? [] : Names(field.MessageType).Select(name => $"{field.Name}.{name}")
            : [field.Name]);

    /// <summary>The field that a name such as <c>selection.page_size</c> or <c>selection.pageSize</c> leads to.</summary>
    private static FieldDescriptor? Find(MessageDescriptor message, string name)
    {
        FieldDescriptor? field = null;
        foreach (var part in name.Split('.'))
        {
            field = (field is null ? message : field.FieldType == FieldType.Message ? field.MessageType : null)?
                .Fields.InDeclarationOrder().FirstOrDefault(each => each.Name == part || each.JsonName == part);
            if (field is null)
            {
                return null;
            }
        }
        return field;
    }

    /// <summary>The rule that a value breaks; null: none.</summary>
    private static string? Broken(FieldDescriptor field, string value) => field.FieldType switch
    {
        FieldType.Int32 when !IsNumber<int>(value) => WholeNumber<int>(),
        FieldType.Int64 when !IsNumber<long>(value) => WholeNumber<long>(),
        FieldType.Float or FieldType.Double when !double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out _) =>
            "a number",
        FieldType.Bool when !bool.TryParse(value, out _) => "true or false",
        FieldType.Message when field.MessageType == Timestamp.Descriptor && !TryParse<Timestamp>(value, out _) =>
            "a time such as 2026-03-01T12:00:00Z",
        FieldType.Message when field.MessageType == Duration.Descriptor && !TryParse<Duration>(value, out _) => "seconds such as 1.5s",
        _ => null,
    };

    private static bool IsNumber<T>(string text)
        where T : INumber<T> => T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    /// <summary>Reads a message that JSON writes as a text.</summary>
    public static bool TryParse<T>(string text, [NotNullWhen(true)] out T? value)
        where T : class, IMessage, new()
    {
        try
        {
            value = JsonParser.Default.Parse<T>(System.Text.Json.JsonSerializer.Serialize(text));
            return true;
        }
        catch (Exception broken) when (broken is InvalidProtocolBufferException or InvalidJsonException)
        {
            value = null;
            return false;
        }
    }
}
