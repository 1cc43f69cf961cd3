using System.Globalization;
using Microsoft.Extensions.Configuration.CommandLine;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Host;

/// <summary>A setting as it takes effect.</summary>
/// <param name="Name">With its sections.</param>
/// <param name="Value">Its text; of a secret only whether there is one.</param>
/// <param name="Source">Where it comes from: a file, the environment, the command line, or the default.</param>
public sealed record EffectiveSetting(string Name, string Value, string Source);

/// <summary>What a host would run with.</summary>
public static class SettingsReport
{
    private static readonly string[] Secrets = ["KeyHashes", "Redis", "Postgres", "Password", "Secret"];

    /// <summary>Checks everything that a host checks before it opens a port, and tells every setting.</summary>
    /// <param name="args">As for <see cref="GridHost.Build"/>.</param>
    /// <exception cref="OptionsValidationException">Every rule that the configuration breaks.</exception>
    public static IReadOnlyList<EffectiveSetting> Make(string[] args)
    {
        using var app = (IDisposable)GridHost.Build(args);
        var services = ((WebApplication)app).Services;
        services.GetService<IStartupValidator>()?.Validate();
        var configuration = (IConfigurationRoot)services.GetRequiredService<IConfiguration>();
        return
        [
            .. SettingNames.All(configuration)
                .GroupBy(setting => setting.Name, StringComparer.OrdinalIgnoreCase)
                .Select(setting => Effective(setting.Key, setting.First().Absent, configuration))
                .OrderBy(setting => setting.Name, StringComparer.Ordinal),
        ];
    }

    private static EffectiveSetting Effective(string name, object? absent, IConfigurationRoot configuration)
    {
        foreach (var provider in configuration.Providers.Reverse())
        {
            if (provider.TryGet(name, out var value))
            {
                return new EffectiveSetting(name, Shown(name, value), SourceOf(provider));
            }
        }
        return new EffectiveSetting(name, Shown(name, Convert.ToString(absent, CultureInfo.InvariantCulture)), "default");
    }

    private static string Shown(string name, string? value) =>
        string.IsNullOrEmpty(value) ? "-"
        : Array.Exists(Secrets, secret => name.Contains(secret, StringComparison.OrdinalIgnoreCase)) ? "(set, not shown)"
        : value;

    private static string SourceOf(IConfigurationProvider provider) => provider switch
    {
        JsonConfigurationProvider json => json.Source.Path ?? "a file",
        EnvironmentVariablesConfigurationProvider => "environment",
        CommandLineConfigurationProvider => "command line",
        _ => "host",
    };
}
