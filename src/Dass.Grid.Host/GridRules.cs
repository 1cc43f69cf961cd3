using System.Net;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Notify.Routes;
using Dass.Grid.Notify.Rules;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Host;

/// <summary>Rules that hold across sections of the configuration; the others are checked by the options' own validators.</summary>
internal static class GridRules
{
    /// <exception cref="OptionsValidationException">Every rule that is broken.</exception>
    public static void Check(GridOptions grid, TenantsOptions tenants, IConfiguration? configuration = null)
    {
        var rules = new OptionRules();
        if (configuration is not null)
        {
            SettingNames.Check(configuration, rules);
        }
        AddListeners(rules, grid, tenants);
        AddCluster(rules, grid);
        AddNotify(rules, grid);
        rules.ThrowIfBroken<GridOptions>("Grid");
    }

    private static void AddListeners(OptionRules rules, GridOptions grid, TenantsOptions tenants)
    {
        foreach (var (name, url) in new[] { ("Grid:Listen", grid.Listen), ("Grid:HttpListen", grid.HttpListen) })
        {
            if (string.IsNullOrEmpty(url))
            {
                continue;
            }
            if (GridOptions.Endpoint(url) is null)
            {
                rules.Add($"{name} is '{url}'; http://address:port or https://address:port with an IP address or localhost.");
            }
            AddPublic(rules, grid, tenants, name, url);
            if (url.StartsWith("https:", StringComparison.OrdinalIgnoreCase) != grid.Certificate is not null)
            {
                rules.Add(
                    $"{name} is '{url}' and Grid:Certificate '{grid.Certificate}'; https needs a certificate, and a certificate https.");
            }
        }
        rules.Rule(
            grid.ClientAuthority is null || grid.Certificate is not null,
            "Grid:ClientAuthority", $"'{grid.ClientAuthority}'", "client certificates need TLS: Grid:Certificate and an https Grid:Listen");
        rules.Rule(
            GridOptions.Endpoint(grid.OperationsListen) is not null
                && !grid.OperationsListen.StartsWith("https:", StringComparison.OrdinalIgnoreCase),
            "Grid:OperationsListen", $"'{grid.OperationsListen}'", "http://address:port with an IP address or localhost");
        AddPublic(rules, grid, tenants, "Grid:OperationsListen", grid.OperationsListen);
    }

    /// <summary>Silos take no calls of clients and have no keys.</summary>
    private static void AddPublic(OptionRules rules, GridOptions grid, TenantsOptions tenants, string name, string url)
    {
        if (grid.Role != GridRole.Silo && !tenants.AnyCredentials
            && GridOptions.Endpoint(url) is { } listen && !IPAddress.IsLoopback(listen.Address))
        {
            rules.Add(
                $"{name} is '{url}', which others can reach; without API keys (sections Tenants and Admin) only a loopback address is "
                + "allowed.");
        }
    }

    private static void AddCluster(OptionRules rules, GridOptions grid)
    {
        rules.Rule(grid.SiloPort is >= 1 and <= 65_535, "Grid:SiloPort", grid.SiloPort, "1 to 65535");
        rules.Rule(
            grid.PrimarySilo is not { } primary
                || (IPEndPoint.TryParse(primary, out var endpoint) && IPAddress.IsLoopback(endpoint.Address) && endpoint.Port > 0),
            "Grid:PrimarySilo", $"'{grid.PrimarySilo}'", "a loopback address and port, e.g. 127.0.0.1:11111");
        rules.Rule(IPAddress.TryParse(grid.SiloAddress, out _), "Grid:SiloAddress", $"'{grid.SiloAddress}'", "an IP address");
        rules.Rule(
            grid.SiloCertificate is null == grid.SiloAuthority is null,
            "Grid:SiloCertificate", $"'{grid.SiloCertificate}' and Grid:SiloAuthority '{grid.SiloAuthority}'",
            "TLS between silos needs both, or neither");
        rules.Rule(
            grid.SiloCertificateKey is null || grid.SiloCertificate is not null,
            "Grid:SiloCertificateKey", $"'{grid.SiloCertificateKey}'", "a key needs its certificate: Grid:SiloCertificate");
        rules.Rule(
            StreamId.IsTenant(grid.Name), "Grid:Name", $"'{grid.Name}'", $"1 to {StreamId.MaxTenantLength} of {StreamId.Alphabet}");
        var hasStore = grid.Role != GridRole.Gateway;
        if (grid.Redis is null && (grid.Cluster == ClusterKind.Redis || (hasStore && grid.Store == StoreKind.Redis)))
        {
            rules.Add("Grid:Redis is missing; Grid:Cluster or Grid:Store needs it, e.g. 127.0.0.1:6379.");
        }
        if (grid.Postgres is null && (grid.Cluster == ClusterKind.Postgres || (hasStore && grid.Store == StoreKind.Postgres)))
        {
            rules.Add("Grid:Postgres is missing; Grid:Cluster or Grid:Store needs it, e.g. Host=db;Database=dass.");
        }
        rules.Timer("Grid:ProbeInterval", grid.ProbeInterval);
        rules.Timer("Grid:ShutdownTimeout", grid.ShutdownTimeout);
        rules.Rule(grid.TraceRatio is >= 0 and <= 1, "Grid:TraceRatio", grid.TraceRatio, "0 to 1");
    }

    private static void AddNotify(OptionRules rules, GridOptions grid)
    {
        if (grid.Notify.Rules is not { } file)
        {
            return;
        }
        rules.Rule(
            grid.Role != GridRole.Silo, "Grid:Notify:Rules", $"'{file}'", "a process with a gateway sends messages, a silo does not");
        rules.Rule(
            grid.Notify.Address is not null || grid.Listen.StartsWith("http:", StringComparison.OrdinalIgnoreCase),
            "Grid:Notify:Address", "missing", "with an https Grid:Listen, the address that its certificate is for");
        rules.Rule(
            grid.Notify.Address is null
                || (Uri.TryCreate(grid.Notify.Address, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"),
            "Grid:Notify:Address", $"'{grid.Notify.Address}'", "an http or https address");
        try
        {
            RuleFile.Read(file);
        }
        catch (Exception unusable) when (unusable is FormatException or IOException or UnauthorizedAccessException)
        {
            rules.Add($"Grid:Notify:Rules: {unusable.Message}");
        }
        try
        {
            NotifyOptions.TryStateDirectory(grid.Notify.StateDirectory);
        }
        catch (Exception unusable) when (unusable is ArgumentException or IOException or UnauthorizedAccessException)
        {
            rules.Add($"Grid:Notify:StateDirectory is '{grid.Notify.StateDirectory}', which cannot be used: {unusable.Message}");
        }
    }
}
