using Google.Api;
using Google.Protobuf.Reflection;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>
/// What protos say on the wire and in JSON, one a line: messages, fields with numbers and types, enums, services and methods.
/// </summary>
internal static class ProtoApi
{
    public static IEnumerable<string> Of(params FileDescriptor[] files) => files.SelectMany(file =>
        file.MessageTypes.SelectMany(Lines).Concat(file.EnumTypes.SelectMany(Lines)).Concat(file.Services.SelectMany(Lines)));

    private static IEnumerable<string> Lines(MessageDescriptor message)
    {
        var nested = message.NestedTypes.Where(type => type.GetOptions()?.MapEntry != true).SelectMany(Lines);
        return message.Fields.InDeclarationOrder()
            .Select(
                field => $"message {message.FullName}: {field.Name} ({field.JsonName}) = {field.FieldNumber}: {Type(field)}{OneOf(field)}")
            .Prepend($"message {message.FullName}")
            .Concat(nested)
            .Concat(message.EnumTypes.SelectMany(Lines));
    }

    private static IEnumerable<string> Lines(EnumDescriptor type) =>
        type.Values.Select(value => $"enum {type.FullName}: {value.Name} = {value.Number}").Prepend($"enum {type.FullName}");

    private static IEnumerable<string> Lines(ServiceDescriptor service) => service.Methods
        .Select(method => $"service {service.FullName}: {method.Name}({Stream(method.IsClientStreaming)}{method.InputType.FullName}) "
            + $"returns {Stream(method.IsServerStreaming)}{method.OutputType.FullName}"
            + (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is { } http ? $", http {http}" : ""))
        .Prepend($"service {service.FullName}");

    private static string Stream(bool isStream) => isStream ? "stream " : "";

    private static string Type(FieldDescriptor field) => field switch
    {
        { IsMap: true } => $"map<{Type(field.MessageType.FindFieldByNumber(1))}, {Type(field.MessageType.FindFieldByNumber(2))}>",
        { IsRepeated: true } => $"repeated {Element(field)}",
        { ContainingOneof.IsSynthetic: true } => $"optional {Element(field)}",
        _ => Element(field),
    };

    private static string Element(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => field.MessageType.FullName,
        FieldType.Enum => field.EnumType.FullName,
        var type => $"{type}".ToLowerInvariant(),
    };

    private static string OneOf(FieldDescriptor field) => field.RealContainingOneof is { } oneOf ? $" of {oneOf.Name}" : "";
}
