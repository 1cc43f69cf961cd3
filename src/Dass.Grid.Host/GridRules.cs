using System.Net;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Tenants;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Host;

/// <summary>Rules that hold across sections of the configuration; the others are checked by the options' own validators.</summary>
internal static class GridRules
{
    /// <exception cref="OptionsValidationException">Every rule that is broken.</exception>
    public static void Check(GridOptions grid, TenantsOptions tenants)
    {
        var errors = new List<string>();
        foreach (var (name, url) in new[] { ("Grid:Listen", grid.Listen), ("Grid:HttpListen", grid.HttpListen) })
        {
            if (url is null)
            {
                continue;
            }
            var listen = GridOptions.Endpoint(url);
            if (listen is null)
            {
                errors.Add($"{name} is '{url}'; http://address:port or https://address:port with an IP address or localhost.");
            }
            else if (grid.Role != GridRole.Silo && !tenants.AnyCredentials && !IPAddress.IsLoopback(listen.Address))
            {
                errors.Add($"{name} is '{url}', which others can reach; without API keys (sections Tenants and Admin) only a loopback address is allowed.");
            }
            if (url.StartsWith("https:", StringComparison.OrdinalIgnoreCase) != grid.Certificate is not null)
            {
                errors.Add($"{name} is '{url}' and Grid:Certificate '{grid.Certificate}'; https needs a certificate, and a certificate https.");
            }
        }
        if (grid.ClientAuthority is not null && grid.Certificate is null)
        {
            errors.Add($"Grid:ClientAuthority is '{grid.ClientAuthority}'; client certificates need TLS: Grid:Certificate and an https Grid:Listen.");
        }
        if (GridOptions.Endpoint(grid.OperationsListen) is null || grid.OperationsListen.StartsWith("https:", StringComparison.OrdinalIgnoreCase))
        {
            errors.Add($"Grid:OperationsListen is '{grid.OperationsListen}'; http://address:port with an IP address or localhost.");
        }
        if (grid.SiloPort is < 1 or > 65_535)
        {
            errors.Add($"Grid:SiloPort is {grid.SiloPort}; 1 to 65535.");
        }
        if (grid.PrimarySilo is { } primary && !(IPEndPoint.TryParse(primary, out var endpoint) && IPAddress.IsLoopback(endpoint.Address) && endpoint.Port > 0))
        {
            errors.Add($"Grid:PrimarySilo is '{primary}'; a loopback address and port, e.g. 127.0.0.1:11111.");
        }
        if (!IPAddress.TryParse(grid.SiloAddress, out _))
        {
            errors.Add($"Grid:SiloAddress is '{grid.SiloAddress}'; an IP address.");
        }
        if (!StreamId.IsTenant(grid.Name))
        {
            errors.Add($"Grid:Name is '{grid.Name}'; 1 to {StreamId.MaxTenantLength} of {StreamId.Alphabet}.");
        }
        if (grid.Redis is null && (grid.Cluster == ClusterKind.Redis || grid.Store == StoreKind.Redis))
        {
            errors.Add("Grid:Redis is missing; Grid:Cluster or Grid:Store needs it, e.g. 127.0.0.1:6379.");
        }
        if (grid.Postgres is null && (grid.Cluster == ClusterKind.Postgres || grid.Store == StoreKind.Postgres))
        {
            errors.Add("Grid:Postgres is missing; Grid:Cluster or Grid:Store needs it, e.g. Host=db;Database=dass.");
        }
        if (grid.ProbeInterval <= TimeSpan.Zero)
        {
            errors.Add($"Grid:ProbeInterval is {grid.ProbeInterval}; more than zero.");
        }
        if (grid.ShutdownTimeout <= TimeSpan.Zero)
        {
            errors.Add($"Grid:ShutdownTimeout is {grid.ShutdownTimeout}; more than zero.");
        }
        if (errors.Count > 0)
        {
            throw new OptionsValidationException("Grid", typeof(GridOptions), errors);
        }
    }
}
