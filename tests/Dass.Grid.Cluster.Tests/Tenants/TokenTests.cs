using System.Security.Cryptography;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Tenants;

public sealed class TokenTests : IAsyncLifetime
{
    private const string AdminKey = "admin-0123456789abcdef";

    private TokenProvider _provider = null!;
    private TestGrid _grid = null!;

    public async Task InitializeAsync()
    {
        _provider = await TokenProvider.StartAsync();
        _grid = await TestGrid.StartAsync(new()
        {
            ["Tokens:Authority"] = _provider.Authority,
            ["Tokens:Audience"] = TokenProvider.Audience,
            ["Tokens:ClockSkew"] = "00:00:00",
            ["Tenants:anne:Limits:LiveStreams"] = "5",
            ["Admin:KeyHashes:0"] = KeyHash.Create(AdminKey).ToString(),
        });
    }

    public async Task DisposeAsync()
    {
        await _grid.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [Fact]
    public async Task A_token_is_its_tenants_credential()
    {
        var anne = Bearer(_provider.Token("anne"));
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("hers"), anne);
        Assert.Equal("hers", Assert.Single((await _grid.Client.ListStreamsAsync(new ListStreamsRequest(), anne)).Streams).StreamId);
    }

    [Fact]
    public async Task A_tenant_of_the_register_needs_no_key_of_the_grid()
    {
        await _grid.Admin.CreateTenantAsync(new CreateTenantRequest { Name = "bob" }, Bearer(AdminKey));
        Assert.Empty((await _grid.Client.ListStreamsAsync(new ListStreamsRequest(), Bearer(_provider.Token("bob")))).Streams);
        await _grid.Admin.UpdateTenantAsync(new UpdateTenantRequest { Name = "bob", Disabled = true }, Bearer(AdminKey));
        await TestGrid.RefusesAsync(StatusCode.PermissionDenied, "tenant 'bob' is disabled", () => List(_provider.Token("bob")));
    }

    [Fact]
    public async Task What_the_provider_has_not_said_to_this_grid_is_refused()
    {
        using var other = RSA.Create(2048);
        await Refused("not valid here", _provider.Token("anne", key: other));
        await Refused("not valid here", _provider.Token("anne", audience: "another-audience"));
        await Refused("has run out", _provider.Token("anne", lasts: TimeSpan.FromSeconds(-1)));
        await Refused("no claim 'tenant'", _provider.Token(tenant: null));
        await Refused("'stranger', which is no tenant", _provider.Token("stranger"));
        await Refused("not valid here", "a.b.c");
        await Refused("not valid here", _provider.Unsigned("anne"));
        await Refused("not valid here", _provider.SignedWithPublicKey("anne"));
        await Refused("belongs to no tenant", "not-a-token-0123456789");
    }

    [Fact]
    public async Task A_token_that_never_runs_out_lets_its_tenant_in()
    {
        foreach (var expires in new[] { new DateTime(9999, 12, 31, 23, 59, 59, DateTimeKind.Utc), DateTime.MaxValue })
        {
            await using var grid = await TestGrid.StartAsync(new()
            {
                ["Tokens:Authority"] = _provider.Authority,
                ["Tokens:Audience"] = TokenProvider.Audience,
                ["Tokens:ClockSkew"] = "00:00:30",
                ["Tenants:anne:Limits:LiveStreams"] = "5",
            });
            await grid.Client.ListStreamsAsync(new ListStreamsRequest(), Bearer(_provider.Token((object)"anne", expires)));
        }
    }

    [Fact]
    public async Task A_token_of_several_tenants_is_refused()
    {
        await Refused("claim 'tenant' names 2 tenants", _provider.Token(new[] { "anne", "bob" }));
        await Refused("claim 'tenant' names 2 tenants", _provider.Token(new[] { "anne", "anne" }));
        await Refused("no claim 'tenant'", _provider.Token(Array.Empty<string>()));
    }

    [Fact]
    public async Task A_token_is_no_admins_credential() => await TestGrid.RefusesAsync(
        StatusCode.Unauthenticated, "need an admin key", async () => await _grid.Admin.ListTenantsAsync(
            new ListTenantsRequest(), Bearer(_provider.Token("anne"))));

    [Fact]
    public async Task A_call_ends_when_its_token_runs_out()
    {
        using (await Feed.BeginAsync(_grid.Client, Babble.Config(), Bearer(_provider.Token("anne"))))
        {
            // The first token of a provider and the first stream of a grid take longer than the others.
        }
        using var feed = await Feed.BeginAsync(
            _grid.Client, Babble.Config(), Bearer(_provider.Token("anne", lasts: TimeSpan.FromSeconds(3))));
        await TestGrid.RefusesAsync(StatusCode.Unauthenticated, "has run out", feed.ReadToEndAsync);
    }

    [Fact]
    public async Task A_call_goes_on_while_the_providers_clock_may_be_off()
    {
        await using var grid = await TestGrid.StartAsync(new()
        {
            ["Tokens:Authority"] = _provider.Authority,
            ["Tokens:Audience"] = TokenProvider.Audience,
            ["Tokens:ClockSkew"] = "00:01:00",
            ["Tenants:anne:Limits:LiveStreams"] = "5",
        });
        using var feed = await Feed.BeginAsync(
            grid.Client, Babble.Config(), Bearer(_provider.Token("anne", lasts: TimeSpan.FromSeconds(-5))));
        for (var sample = 0; sample < 4 * Babble.SampleRateHz; sample += Babble.SampleRateHz)
        {
            await Task.Delay(TimeSpan.FromSeconds(0.7)); // rights are looked at once a second: nothing may happen, so there is no signal
            await feed.SendBabbleAsync(sample, sample + Babble.SampleRateHz);
            await feed.AppliedAsync(sample + Babble.SampleRateHz);
        }
    }

    [Fact]
    public async Task A_provider_that_is_away_is_no_fault_of_the_token()
    {
        var token = _provider.Token("anne");
        await _provider.DisposeAsync();
        await TestGrid.RefusesAsync(StatusCode.Unavailable, "identity provider", () => List(token));
    }

    private Task Refused(string fragment, string token) => TestGrid.RefusesAsync(StatusCode.Unauthenticated, fragment, () => List(token));

    private async Task List(string token) => await _grid.Client.ListStreamsAsync(new ListStreamsRequest(), Bearer(token));

    private static Metadata Bearer(string credential) => new() { { "authorization", $"Bearer {credential}" } };
}
