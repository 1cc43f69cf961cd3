using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>The public types and members of an assembly, one a line, so that two builds can be compared.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void", [typeof(bool)] = "bool", [typeof(byte)] = "byte", [typeof(int)] = "int", [typeof(long)] = "long",
        [typeof(float)] = "float", [typeof(double)] = "double", [typeof(string)] = "string", [typeof(object)] = "object",
    };

    public static IEnumerable<string> Of(Assembly assembly) => assembly.GetExportedTypes().SelectMany(Lines);

    private static IEnumerable<string> Lines(Type type)
    {
        var bases = type.GetInterfaces().Select(Name).Order(StringComparer.Ordinal).Prepend(
            type.BaseType is { } parent ? Name(parent) : "");
        yield return $"{Name(type)} is {Kind(type)}: {string.Join(", ", bases.Where(name => name.Length > 0))}";
        foreach (var member in type.GetMembers(Declared).Select(member => Member(member, new NullabilityInfoContext())).OfType<string>())
        {
            yield return $"{Name(type)}.{member}";
        }
    }

    private static string Kind(Type type)
    {
        var kind = type switch
        {
            { IsInterface: true } => "interface",
            { IsEnum: true } => "enum",
            { IsValueType: true } => "struct",
            _ => type.GetMethod("<Clone>$") is null ? "class" : "record",
        };
        return (type.IsAbstract, type.IsSealed, kind) switch
        {
            (true, true, "class") => "static class",
            (true, _, "class" or "record") => $"abstract {kind}",
            (_, true, "class" or "record") => $"sealed {kind}",
            _ => kind,
        };
    }

    /// <returns>Null: no caller can name the member, or the compiler has added it.</returns>
    private static string? Member(MemberInfo member, NullabilityInfoContext context) => member switch
    {
        ConstructorInfo made when IsOpen(made) => $"new({Parameters(made, context)})",
        MethodInfo { IsSpecialName: false } called when IsOpen(called) && called.GetCustomAttribute<CompilerGeneratedAttribute>() is null =>
            $"{called.Name}({Parameters(called, context)}): {(called.IsStatic ? "static " : "")}{Name(called.ReturnParameter, context)}",
        PropertyInfo read when read.GetAccessors(nonPublic: true).Any(IsOpen) =>
            $"{read.Name}: {(read.GetAccessors(nonPublic: true)[0].IsStatic ? "static " : "")}"
            + $"{Mark(Name(read.PropertyType), context.Create(read))} "
            + $"{{ {string.Join(" ", read.GetAccessors(nonPublic: true).Where(IsOpen).Select(Accessor))} }}",
        EventInfo { AddMethod: { } add } raised when IsOpen(add) => $"{raised.Name}: event {Name(raised.EventHandlerType!)}",
        FieldInfo { IsSpecialName: false } field when field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly =>
            $"{field.Name}: {Name(field.FieldType)}"
            + (field.IsLiteral ? $" = {Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)}" : ""),
        _ => null,
    };

    private static bool IsOpen(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Accessor(MethodInfo accessor) => accessor switch
    {
        { Name: var name } when name.StartsWith("get_", StringComparison.Ordinal) => "get;",
        _ when accessor.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) => "init;",
        _ => "set;",
    };

    private static string Parameters(MethodBase method, NullabilityInfoContext context) => string.Join(
        ", ",
        method.GetParameters().Select(parameter => $"{Name(parameter, context)} {parameter.Name}{Default(parameter)}"));

    private static string Default(ParameterInfo parameter) => parameter switch
    {
        { HasDefaultValue: false } => "",
        { DefaultValue: { } value } => $" = {Convert.ToString(value, CultureInfo.InvariantCulture)}",
        _ => " = default",
    };

    private static string Name(ParameterInfo parameter, NullabilityInfoContext context) =>
        Mark(Name(parameter.ParameterType), context.Create(parameter));

    private static string Mark(string name, NullabilityInfo nullability) =>
        nullability.ReadState == NullabilityState.Nullable && !name.EndsWith('?') ? $"{name}?" : name;

    private static string Name(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
        {
            return $"{Name(inner)}?";
        }
        if (type.IsArray)
        {
            return $"{Name(type.GetElementType()!)}[]";
        }
        if (Keywords.TryGetValue(type, out var keyword))
        {
            return keyword;
        }
        var name = (type.FullName ?? type.Name).Split('[')[0].Replace('+', '.');
        return type.IsGenericType ? $"{name.Split('`')[0]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>" : name;
    }
}
