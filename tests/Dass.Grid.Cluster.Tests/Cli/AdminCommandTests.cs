using System.Globalization;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Cli;

public sealed class AdminCommandTests
{
    private const string AdminKey = "admin-0123456789abcdef";

    [Fact]
    public async Task A_tenant_is_made_listed_limited_and_disabled_from_the_command_line()
    {
        await using var grid = await TestGrid.StartAsync(new() { ["Admin:KeyHashes:0"] = KeyHash.Create(AdminKey).ToString() });
        var address = grid.Host.Address.ToString();
        Task<Dass.Result> AdminAsync(params string[] arguments) => RunAsync(AdminKey, ["admin", .. arguments, "--grid", address]);

        var made = await AdminAsync(
            "create-tenant", "zoo", "--live-streams", "2", "--subscribers", "5", "--event-on", "0.6", "--event-min-duration", "1.5s");
        Assert.Equal(0, made.ExitCode);
        var key = Assert.Single(made.Lines); // the key and nothing else
        Assert.StartsWith("dass_", key);

        var listed = await AdminAsync("tenants", "--format", "json");
        var tenant = JsonDocument.Parse(Assert.Single(listed.Lines)).RootElement;
        Assert.Equal(
            ("zoo", 2), (tenant.GetProperty("name").GetString(), tenant.GetProperty("limits").GetProperty("live_streams").GetInt32()));

        Assert.Equal(
            (0.6, "1.500s"),
            (
                tenant.GetProperty("events").GetProperty("on").GetDouble(),
                tenant.GetProperty("events").GetProperty("min_duration").GetString()));

        var nothing = await RunAsync(key, "stream", Dass.Babble, "--grid", address, "--event-on", "1", "--format", "json");
        Assert.DoesNotContain("opened", nothing.Output); // no score is so high
        Assert.Equal(2, (await RunAsync(key, "stream", Dass.Babble, "--event-on", "1.5")).ExitCode);
        Assert.Equal(
            0,
            (
                await RunAsync(
                    key, "stream", Dass.Babble, "--grid", address, "--stream-id", "cage", "--event-on", "0", "--event-min-duration",
                    "0s")).ExitCode);
        async Task<double> UsedAsync(string field) => (await AdminAsync("usage", "zoo", "--format", "json")).Lines
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Sum(model => model.TryGetProperty(field, out var value) ? double.Parse($"{value}", CultureInfo.InvariantCulture) : 0);
        async Task<string[]> EventsAsync() => (await RunAsync(key, "events", "--grid", address, "--format", "csv")).Lines;
        var (admin, zoo) = (Bearer(AdminKey), Bearer(key));
        await TestGrid.UntilAsync(async () => // written once a second
            (await grid.Admin.GetTenantUsageAsync(new GetTenantUsageRequest { Name = "zoo" }, admin)).Models is [var used]
            && Math.Abs(used.AudioSeconds - 2 * 15.06) < 0.01
            && (await grid.Client.ListEventsAsync(new ListEventsRequest { PageSize = 1_000 }, zoo)).Events.Count == used.Events);
        Assert.Equal(2 * 15.06, await UsedAsync("audio_seconds"), 0.01);
        var events = await EventsAsync();
        Assert.Equal(1 + await UsedAsync("events"), events.Length);
        Assert.StartsWith("stream_id,onset", events[0]);
        Assert.All(events.Skip(1), line => Assert.StartsWith("cage,", line));
        Assert.True(events.Length > 1, "No event is kept.");
        Assert.Equal(
            events.Length - 1,
            (await RunAsync(key, "events", "--grid", address, "--stream-id", "cage", "--format", "audacity")).Lines.Length);
        Assert.Equal(2, (await RunAsync(key, "events", "--grid", address, "--from", "soon")).ExitCode);
        Assert.Equal(0, (await AdminAsync("update-tenant", "zoo", "--disabled", "true")).ExitCode);
        var refused = await RunAsync(key, "stream", Dass.Babble, "--grid", address);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("tenant 'zoo' is disabled", refused.Errors);

        Assert.Equal(0, (await AdminAsync("set-alias", "live", "tiny")).ExitCode);
        Assert.Contains("tiny", (await AdminAsync("aliases")).Output);
        Assert.Equal(["alias,model,tenant", "live,tiny,all"], (await AdminAsync("aliases", "--format", "csv")).Lines);
        var wrong = await RunAsync(key, "admin", "tenants", "--grid", address);
        Assert.Equal(1, wrong.ExitCode);
        Assert.Contains("need an admin key", wrong.Errors);
    }

    private static Metadata Bearer(string key) => new() { { "authorization", $"Bearer {key}" } };

    private static async Task<Dass.Result> RunAsync(string key, params string[] arguments)
    {
        using var dass = Dass.Start([("DASS_API_KEY", key)], arguments);
        return await dass.ResultAsync();
    }
}
