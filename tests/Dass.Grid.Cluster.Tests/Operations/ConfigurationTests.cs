using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Host;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Cluster.Tests.Operations;

public sealed class ConfigurationTests
{
    [Theory]
    [InlineData("http://0.0.0.0:5230")]
    [InlineData("http://192.168.1.5:5230")]
    [InlineData("http://[::]:5230")]
    public void Without_keys_only_loopback_is_served(string listen)
    {
        var grid = new GridOptions { Listen = listen };
        var refusal = Assert.Throws<OptionsValidationException>(() => GridRules.Check(grid, new TenantsOptions()));
        Assert.Contains($"Grid:Listen is '{listen}', which others can reach", refusal.Message, StringComparison.Ordinal);

        grid = new GridOptions { OperationsListen = listen };
        refusal = Assert.Throws<OptionsValidationException>(() => GridRules.Check(grid, new TenantsOptions()));
        Assert.Contains($"Grid:OperationsListen is '{listen}', which others can reach", refusal.Message, StringComparison.Ordinal);

        var tenants = new TenantsOptions();
        tenants.Tenants["anne"] = new TenantOptions { KeyHashes = { KeyHash.Create("0123456789abcdef").ToString() } };
        GridRules.Check(grid, tenants);
    }

    [Theory]
    [InlineData("http://127.0.0.1:5230")]
    [InlineData("http://localhost:5230")]
    [InlineData("http://[::1]:5230")]
    public void Loopback_needs_no_key(string listen) => GridRules.Check(new GridOptions { Listen = listen }, new TenantsOptions());

    [Fact]
    public void Every_broken_rule_is_reported_at_once()
    {
        var grid = new GridOptions { Listen = "ftp://grid", OperationsListen = "nowhere", SiloPort = 0, PrimarySilo = "10.0.0.1:11111" };
        var refusal = Assert.Throws<OptionsValidationException>(() => GridRules.Check(grid, new TenantsOptions()));
        Assert.Equal(
            [
                "Grid:Listen is 'ftp://grid'", "Grid:OperationsListen is 'nowhere'", "Grid:SiloPort is 0",
                "Grid:PrimarySilo is '10.0.0.1:11111'",
            ],
            refusal.Failures.Select(failure => failure[..failure.IndexOf(';')]));
    }

    [Theory]
    [InlineData("Grid:Models:a b:MaxStreams", "1", "'a b' is not a model name")]
    [InlineData("Grid:Models:m:MaxStreams", "0", "Grid:Models:m: EngineOptions.MaxStreams is 0; it must be 1 to 1000000.")]
    [InlineData("Grid:Models:m:Threads", "-1", "Grid:Models:m: EngineOptions.Threads is -1")]
    [InlineData("Grid:Models:m:MaxBacklog", "01:00:00", "Grid:Models:m: EngineOptions.MaxBacklog is 3600 s; it must be 1 s to 600 s.")]
    [InlineData("Grid:Models:m:Batcher:MaxBatch", "3", "StepBatcherOptions.MaxBatch is 3")]
    [InlineData("Grid:DefaultModel", "x", "Grid:DefaultModel is 'x'; not one of Grid:Models (tiny)")]
    [InlineData("Grid:Streams:IdleTimeout", "00:00:00", "Grid:Streams:IdleTimeout is 00:00:00; more than zero")]
    [InlineData("Grid:Streams:IdleTimeout", "10675199.00:00:00", "IdleTimeout is 10675199.00:00:00; more than zero, at most 36500 days")]
    [InlineData("Grid:Streams:HistoryChunks", "0", "Grid:Streams:HistoryChunks is 0; at least 1")]
    [InlineData("Grid:Streams:CheckpointInterval", "00:00:00", "Grid:Streams:CheckpointInterval is 00:00:00; more than zero")]
    [InlineData("Grid:Streams:Upkeep", "31.00:00:00", "Grid:Streams:Upkeep is 31.00:00:00; more than zero, at most 30 days")]
    [InlineData("Grid:Streams:StuckAfter", "31.00:00:00", "Grid:Streams:StuckAfter is 31.00:00:00; more than zero, at most 30 days")]
    [InlineData("Grid:Gateway:LeaseRenewal", "31.00:00:00", "Grid:Gateway:LeaseRenewal is 31.00:00:00; more than zero, at most 30 days")]
    [InlineData("Grid:SiloAddress", "here", "Grid:SiloAddress is 'here'; an IP address")]
    [InlineData("Grid:Cluster", "redis", "Grid:Redis is missing")]
    [InlineData("Grid:Cluster", "postgres", "Grid:Postgres is missing")]
    [InlineData("Grid:Gateway:RetainedBytes", "10", "Grid:Gateway:RetainedBytes is 10; at least 65,536")]
    [InlineData("Grid:Gateway:MaxMessageBytes", "10", "Grid:Gateway:MaxMessageBytes is 10; 4,096 to 67,108,864")]
    [InlineData("Grid:Gateway:PendingMessages", "0", "Grid:Gateway:PendingMessages is 0; at least 1")]
    [InlineData("Grid:Gateway:MaxConnections", "0", "Grid:Gateway:MaxConnections is 0; at least 1")]
    [InlineData("Grid:Gateway:MaxKeylessCalls", "3", "Grid:Gateway:MaxKeylessCalls is 3; at least 4")]
    [InlineData("Tenants:anne:KeyHashes:0", "a-key-in-the-clear", "Tenants:anne:KeyHashes:0 is not of the form sha256:")]
    [InlineData("Tenants:an ne:KeyHashes:0", "x", "'an ne' is not a tenant name")]
    [InlineData("Tokens:Authority", "http://login.example.org", "Tokens:Authority is 'http://login.example.org'; an https URL")]
    [InlineData("Tokens:Authority", "https://login.example.org", "Tokens:Audience is missing")]
    [InlineData("Tokens:ClockSkew", "01:00:00", "Tokens:ClockSkew is 01:00:00; 0 to 5 min")]
    [InlineData("Grid:Certificate", "grid.pem", "https needs a certificate, and a certificate https")]
    [InlineData("Grid:ClientAuthority", "clients.pem", "client certificates need TLS")]
    [InlineData("Grid:SiloCertificate", "silo.pem", "'silo.pem' and Grid:SiloAuthority ''; TLS between silos needs both")]
    [InlineData("Grid:SiloCertificateKey", "silo.key", "Grid:SiloCertificateKey is 'silo.key'; a key needs its certificate")]
    public async Task A_broken_setting_stops_the_start_with_its_name_value_and_rule(string setting, string value, string message)
    {
        var settings = new Dictionary<string, string?> { ["Grid:Models:tiny:Threads"] = "1", [setting] = value };
        var refusal = await Assert.ThrowsAsync<OptionsValidationException>(() => TestGrid.StartAsync(settings));
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("a-key-in-the-clear", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_cannot_be_made_stops_the_start()
    {
        var refusal = await Assert.ThrowsAsync<OptionsValidationException>(
            () => TestGrid.StartAsync(new() { ["Grid:Store"] = "file", ["Grid:StoreDirectory"] = "/dev/null/streams" }));
        Assert.Contains("Grid:StoreDirectory is '/dev/null/streams', which cannot be used", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_that_cannot_be_loaded_stops_the_start_with_its_own_error()
    {
        var failure = await Assert.ThrowsAsync<Engine.ModelLoadException>(
            () => EmbeddedGrid.StartAsync(new EmbeddedGridOptions { ModelDirectory = "/no/such/model" }));
        Assert.Contains("/no/such/model", failure.Message, StringComparison.Ordinal);
    }
}
