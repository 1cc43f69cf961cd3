using System.Collections;
using System.Reflection;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway;
using Dass.Grid.Gateway.Tenants;
using Microsoft.Extensions.Configuration.CommandLine;
using SiloLimits = Dass.Grid.Grains.Hosting.SiloBuilderExtensions;

namespace Dass.Grid.Host;

/// <summary>Which settings there are: those of the options' classes. Any other name is a typing error that no default may hide.</summary>
internal static class SettingNames
{
    /// <summary>Sections of a configuration, each with the classes that are bound to it.</summary>
    private static readonly ILookup<string, Type> Sections =
        new (string Section, Type Options)[]
        {
            ("Grid", typeof(GridOptions)), ("Grid:Gateway", typeof(GatewayOptions)), ("Tokens", typeof(TokenOptions)),
            ("DefaultLimits", typeof(TenantLimits)), ("Tenants", typeof(Dictionary<string, TenantOptions>)), ("Admin", typeof(AdminKeys)),
        }
        .Concat(SiloLimits.LimitSections.Select(limits => (Section: Section("Grid", limits.Section), limits.Options)))
        .ToLookup(each => each.Section, each => each.Options, StringComparer.OrdinalIgnoreCase);

    /// <summary>Names that no class has.</summary>
    public static void Check(IConfiguration configuration, OptionRules rules)
    {
        string[] roots = [.. Sections.Select(section => section.Key).Where(section => !section.Contains(':', StringComparison.Ordinal))];
        foreach (var root in roots)
        {
            Walk(configuration.GetSection(root), [.. Sections[root]], rules);
        }
        // The environment is full of names of other programs; a command line is not.
        var typed = (configuration as IConfigurationRoot)?.Providers.OfType<CommandLineConfigurationProvider>() ?? [];
        var names = typed.SelectMany(line => line.GetChildKeys([], null)).Distinct();
        foreach (var name in names.Except(roots, StringComparer.OrdinalIgnoreCase))
        {
            if (Nearest.To(name, roots) is [var near, ..])
            {
                rules.Add($"{name} is no section of the settings. Did you mean '{near}'?");
            }
        }
    }

    /// <summary>Every setting: its name and what it is when it is not given.</summary>
    public static IEnumerable<(string Name, object? Absent)> All(IConfiguration configuration) =>
        Sections.SelectMany(section => section.SelectMany(type => Leaves(
            section.Key, type, configuration, type == typeof(TenantLimits) ? new TenantsOptions().DefaultLimits : null)));

    private static IEnumerable<(string Name, object? Absent)> Leaves(
        string path, Type type, IConfiguration configuration, object? absent)
    {
        if (Element(type) is { } element)
        {
            return configuration.GetSection(path).GetChildren().SelectMany(
                child => IsClass(element) ? Leaves(child.Path, element, configuration, null) : [(child.Path, null)]);
        }
        absent ??= Activator.CreateInstance(type);
        return Properties(type).SelectMany(property => IsClass(property.PropertyType) || Element(property.PropertyType) is not null
            ? Leaves(Section(path, property.Name), property.PropertyType, configuration, property.GetValue(absent))
            : [(Section(path, property.Name), property.GetValue(absent))]);
    }

    private static void Walk(IConfigurationSection section, Type[] types, OptionRules rules)
    {
        if (types.Select(Element).FirstOrDefault(element => element is not null) is { } element)
        {
            foreach (var child in section.GetChildren())
            {
                Walk(child, [element], rules);
            }
            return;
        }
        var known = types.SelectMany(Properties).ToLookup(property => property.Name, StringComparer.OrdinalIgnoreCase);
        var deeper = Sections.Select(each => each.Key)
            .Where(each => each.StartsWith(section.Path + ":", StringComparison.OrdinalIgnoreCase))
            .Select(each => each[(section.Path.Length + 1)..]).ToArray();
        foreach (var child in section.GetChildren())
        {
            Type[] next =
            [
                .. known[child.Key].Select(property => property.PropertyType)
                    .Where(type => IsClass(type) || Element(type) is { } item && IsClass(item)),
                .. Sections[child.Path],
            ];
            if (!known.Contains(child.Key) && next.Length == 0)
            {
                rules.Add(
                    $"{child.Path} is no setting.{Nearest.Question(child.Key, known.Select(each => each.Key).Concat(deeper))}");
            }
            else if (next.Length > 0)
            {
                Walk(child, next, rules);
            }
        }
    }

    private static PropertyInfo[] Properties(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance) is var all
            ? Array.FindAll(all, property => property.GetIndexParameters().Length == 0)
            : [];

    private static bool IsClass(Type type) => type is { IsClass: true, Namespace: { } space }
        && space.StartsWith("Dass.Grid", StringComparison.Ordinal) && !type.IsAssignableTo(typeof(Delegate));

    /// <summary>What a dictionary by name or a list holds. Null: the type is neither.</summary>
    private static Type? Element(Type type) =>
        type != typeof(string) && type.IsGenericType && type.IsAssignableTo(typeof(IEnumerable)) ? type.GetGenericArguments()[^1] : null;

    private static string Section(string path, string name) => name.Length == 0 ? path : $"{path}:{name}";

    private sealed class AdminKeys
    {
        public List<string> KeyHashes { get; } = [];
    }
}
