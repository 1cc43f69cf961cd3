using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Tenants;

/// <summary>Tenants that are made while the grid runs.</summary>
public sealed class AdminTests : IAsyncLifetime
{
    private const string AdminKey = "admin-0123456789abcdef";
    private const string AnnesKey = "anne-0123456789abcdef";

    private static readonly Metadata Root = Bearer(AdminKey);

    private readonly StoreFolder _store = new();
    private TestGrid _grid = null!;

    private Admin.AdminClient Admin => _grid.Admin;

    private Dictionary<string, string?> Settings => _store.Settings(
        ("Admin:KeyHashes:0", KeyHash.Create(AdminKey).ToString()),
        ("Tenants:anne:KeyHashes:0", KeyHash.Create(AnnesKey).ToString()),
        ("Tenants:anne:Limits:LiveStreams", "3"));

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync(Settings);

    public async Task DisposeAsync()
    {
        await _grid.DisposeAsync();
        _store.Dispose();
    }

    [Fact]
    public async Task A_new_tenants_key_works_and_outlives_the_grid()
    {
        var made = await CreateAsync("zoo", new Limits { LiveStreams = 2, Subscribers = 3 });
        Assert.Matches("^dass_[0-9a-f]{16}_[0-9a-f]{64}$", made.Key);
        Assert.Equal((false, 2, 3), (made.Tenant.Disabled, made.Tenant.Limits.LiveStreams, made.Tenant.Limits.Subscribers));
        Assert.Empty((await _grid.Client.ListStreamsAsync(new ListStreamsRequest(), Bearer(made.Key))).Streams);

        await _grid.DisposeAsync();
        _grid = await TestGrid.StartAsync(Settings);
        await EventuallyAsync(async () => await _grid.Client.ListStreamsAsync(new ListStreamsRequest(), Bearer(made.Key)));
    }

    [Fact]
    public async Task Keys_are_not_in_the_store()
    {
        var made = await CreateAsync("zoo");
        Assert.False(_store.Holds(made.Key), "The key itself is in the store.");
        Assert.True(_store.Holds(Assert.Single(made.Tenant.Keys).Id), "Nothing is in the store.");
    }

    [Fact]
    public async Task A_rotated_key_ends_its_calls_and_a_kept_one_goes_on()
    {
        var first = await CreateAsync("zoo");
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("cage"), Bearer(first.Key));
        var second = await Admin.RotateKeyAsync(
            new RotateKeyRequest { Name = "zoo", KeepOld = Duration.FromTimeSpan(TimeSpan.FromHours(1)) }, Root);
        await feed.SendBabbleAsync(0, 16_000);
        await feed.AppliedAsync(16_000);

        var third = await Admin.RotateKeyAsync(new RotateKeyRequest { Name = "zoo" }, Root);
        await TestGrid.RefusesAsync(StatusCode.Unauthenticated, "has been revoked", feed.ReadToEndAsync);
        foreach (var old in new[] { first.Key, second.Key })
        {
            await TestGrid.RefusesAsync(
                StatusCode.Unauthenticated, "belongs to no tenant", async () => await _grid.Client.ListStreamsAsync(
                    new ListStreamsRequest(), Bearer(old)));
        }
        // The stream itself is the tenant's, not the key's.
        using var again = await Feed.BeginAsync(_grid.Client, Babble.Config("cage"), Bearer(third.Key));
        Assert.Equal(16_000, again.Ready.NextSample);
    }

    [Fact]
    public async Task A_disabled_tenant_is_refused_until_it_is_enabled()
    {
        var made = await CreateAsync("zoo");
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("cage"), Bearer(made.Key));
        await Admin.UpdateTenantAsync(new UpdateTenantRequest { Name = "zoo", Disabled = true }, Root);
        await TestGrid.RefusesAsync(StatusCode.PermissionDenied, "'zoo' is disabled", feed.ReadToEndAsync);
        await TestGrid.RefusesAsync(
            StatusCode.PermissionDenied, "'zoo' is disabled", async () => await _grid.Client.ListModelsAsync(
                new ListModelsRequest(), Bearer(made.Key)));

        await Admin.UpdateTenantAsync(new UpdateTenantRequest { Name = "zoo", Disabled = false }, Root);
        Assert.NotEmpty((await _grid.Client.ListModelsAsync(new ListModelsRequest(), Bearer(made.Key))).Models);
    }

    [Fact]
    public async Task A_tenant_sees_and_uses_only_the_models_that_it_may()
    {
        using var sibling = new SiblingModel();
        await Admin.RegisterModelAsync(new RegisterModelRequest { Name = "sibling", Directory = sibling.Folder, MaxStreams = 2 }, Root);
        await Admin.SetAliasAsync(new Alias { Tenant = "zoo", Name = "mine", Model = "sibling" }, Root);
        await Admin.SetAliasAsync(new Alias { Name = "mine", Model = "tiny" }, Root);
        await Admin.SetAliasAsync(new Alias { Name = "default", Model = "tiny" }, Root); // for those that may use it
        var made = await Admin.CreateTenantAsync(new CreateTenantRequest { Name = "zoo", Models = { "sibling" } }, Root);
        var zoo = Bearer(made.Key);

        Assert.Equal("sibling", Assert.Single((await _grid.Client.ListModelsAsync(new ListModelsRequest(), zoo)).Models).Name);
        using var own = await Feed.BeginAsync(_grid.Client, Babble.Config("a"), zoo);
        Assert.Equal("sibling", own.Ready.Model.Name);
        var config = Babble.Config("b");
        config.Model = "mine";
        using var aliased = await Feed.BeginAsync(_grid.Client, config, zoo);
        Assert.Equal("sibling", aliased.Ready.Model.Name);
        using var general = await Feed.BeginAsync(_grid.Client, config, Bearer(AnnesKey));
        Assert.Equal("tiny", general.Ready.Model.Name);
        config.Model = "tiny";
        await TestGrid.RefusesAsync(
            StatusCode.NotFound, "model 'tiny' is unknown, or not among those", () => Feed.BeginAsync(_grid.Client, config, zoo));
        await TestGrid.RefusesAsync(
            StatusCode.NotFound, "model 'tiny' is unknown", async () => await _grid.Client.ListLabelsAsync(
                new ListLabelsRequest { Model = "tiny" }, zoo));

        await Admin.SetAliasAsync(new Alias { Tenant = "zoo", Name = "default", Model = "tiny" }, Root);
        await TestGrid.RefusesAsync(
            StatusCode.NotFound, "model 'tiny' is unknown", () => Feed.BeginAsync(_grid.Client, Babble.Config("c"), zoo));
    }

    [Fact]
    public async Task Changed_limits_hold_for_a_tenants_calls_that_are_under_way()
    {
        await CreateAsync("zoo", new Limits { Subscribers = 3 });
        var quotas = _grid.Host.Services.GetRequiredService<TenantQuotas>();
        var before = new Caller("zoo", KeyId: null, new TenantLimits { Subscribers = 3 }, []); // of a call that began before the change
        var quota = quotas.For(before);
        await Admin.UpdateTenantAsync(new UpdateTenantRequest { Name = "zoo", Limits = new Limits { Subscribers = 5 } }, Root);
        await TestGrid.UntilAsync(() => quota.Limits.Subscribers == 5);
        Assert.Equal(5, quotas.For(before).Limits.Subscribers);
    }

    [Fact]
    public async Task Tenants_of_register_and_configuration_are_listed_in_pages()
    {
        await CreateAsync("zoo");
        await CreateAsync("abc");
        var first = await Admin.ListTenantsAsync(new ListTenantsRequest { PageSize = 2 }, Root);
        var rest = await Admin.ListTenantsAsync(new ListTenantsRequest { PageSize = 2, PageToken = first.NextPageToken }, Root);
        Assert.Equal(["abc", "anne", "zoo"], first.Tenants.Concat(rest.Tenants).Select(tenant => tenant.Name));
        Assert.True(first.Tenants[1].Configured);
        Assert.Equal(3, first.Tenants[1].Limits.LiveStreams);
        Assert.Empty(rest.NextPageToken);
    }

    [Fact]
    public async Task An_admin_alone_changes_the_registry()
    {
        foreach (var headers in new[] { new Metadata(), Bearer(AnnesKey), Bearer("unknown-0123456789abc") })
        {
            await TestGrid.RefusesAsync(
                StatusCode.Unauthenticated,
                "need an admin key",
                async () => await Admin.CreateTenantAsync(new CreateTenantRequest { Name = "x" }, headers));
            await TestGrid.RefusesAsync(
                StatusCode.Unauthenticated,
                "need an admin key",
                async () => await Admin.ListTenantsAsync(new ListTenantsRequest(), headers));
            await TestGrid.RefusesAsync(
                StatusCode.Unauthenticated,
                "need an admin key",
                async () => await Admin.UpdateTenantAsync(new UpdateTenantRequest { Name = "anne" }, headers));
            await TestGrid.RefusesAsync(
                StatusCode.Unauthenticated,
                "need an admin key",
                async () => await Admin.RotateKeyAsync(new RotateKeyRequest { Name = "anne" }, headers));
            await TestGrid.RefusesAsync(
                StatusCode.Unauthenticated,
                "need an admin key",
                async () => await Admin.RegisterModelAsync(new RegisterModelRequest { Name = "x" }, headers));
            await TestGrid.RefusesAsync(
                StatusCode.Unauthenticated,
                "need an admin key",
                async () => await Admin.SetAliasAsync(new Alias { Name = "x", Model = "tiny" }, headers));
            await TestGrid.RefusesAsync(
                StatusCode.Unauthenticated,
                "need an admin key",
                async () => await Admin.DeleteAliasAsync(new DeleteAliasRequest { Name = "x" }, headers));
            await TestGrid.RefusesAsync(
                StatusCode.Unauthenticated,
                "need an admin key",
                async () => await Admin.ListAliasesAsync(new ListAliasesRequest(), headers));
        }
        await TestGrid.RefusesAsync(
            StatusCode.Unauthenticated, "belongs to no tenant", async () => await _grid.Client.ListModelsAsync(
                new ListModelsRequest(), Root));
    }

    [Fact]
    public async Task A_tenants_rule_of_events_holds_where_its_requests_do_not_say()
    {
        var made = await Admin.CreateTenantAsync(
            new CreateTenantRequest { Name = "zoo", Events = new EventRule { On = 0, MinDuration = new Duration() } }, Root);
        Assert.Equal(0, made.Tenant.Events.On);
        var clip = new TagRequest
        {
            Format = Babble.Config().Format,
            Audio = Google.Protobuf.ByteString.CopyFrom(Babble.Slice(0, 4 * Babble.SampleRateHz).Span),
        };
        Assert.NotEmpty((await _grid.Client.TagAsync(clip, Bearer(made.Key))).Events); // every label is heard all the time
        await Admin.UpdateTenantAsync(new UpdateTenantRequest { Name = "zoo", Events = new EventRule { On = 1, Off = 0.9f } }, Root);
        await EventuallyAsync(async () =>
        {
            if ((await _grid.Client.TagAsync(clip, Bearer(made.Key))).Events.Count > 0)
            {
                throw new RpcException(Status.DefaultCancelled); // the gateway has not heard of it yet
            }
        });
        var config = Babble.Config("own");
        config.Events = new EventRule { On = 0 };
        using var feed = await Feed.BeginAsync(_grid.Client, config, Bearer(made.Key));
        await feed.SendBabbleAsync(0, 4 * Babble.SampleRateHz);
        await feed.FinishAsync();
        Assert.NotEmpty(feed.Events);
    }

    [Fact]
    public async Task What_breaks_a_rule_is_refused_and_changes_nothing()
    {
        await CreateAsync("zoo");
        await TestGrid.RefusesAsync(StatusCode.AlreadyExists, "'zoo' exists", () => CreateAsync("zoo"));
        await TestGrid.RefusesAsync(StatusCode.AlreadyExists, "'anne' is in the configuration", () => CreateAsync("anne"));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "name 'a/b' is not", () => CreateAsync("a/b"));
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "limits.live_streams is 0; at least 1", () => CreateAsync("x", new Limits { LiveStreams = 0 }));
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument,
            "limits.audio_seconds_per_second is NaN",
            () => CreateAsync("x", new Limits { AudioSecondsPerSecond = double.NaN }));
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "limits.weight is 500; 0.01 to 100", () => CreateAsync("x", new Limits { Weight = 500 }));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "events.on is 2", async () =>
            await Admin.CreateTenantAsync(new CreateTenantRequest { Name = "x", Events = new EventRule { On = 2 } }, Root));
        await TestGrid.RefusesAsync(StatusCode.NotFound, "tenant 'stranger' is unknown", async () =>
            await Admin.GetTenantUsageAsync(new GetTenantUsageRequest { Name = "stranger" }, Root));
        await TestGrid.RefusesAsync(
            StatusCode.InvalidArgument, "retained_bytes is 1; at least 65,536", () => CreateAsync("x", new Limits { RetainedBytes = 1 }));
        await TestGrid.RefusesAsync(
            StatusCode.NotFound, "model 'none' is unknown", async () => await Admin.CreateTenantAsync(
                new CreateTenantRequest { Name = "x", Models = { "none" } }, Root));
        await TestGrid.RefusesAsync(
            StatusCode.NotFound, "tenant 'anne' is not in the registry", async () => await Admin.RotateKeyAsync(
                new RotateKeyRequest { Name = "anne" }, Root));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "keep_old is -1 s", async () =>
            await Admin.RotateKeyAsync(new RotateKeyRequest { Name = "zoo", KeepOld = new Duration { Seconds = -1 } }, Root));
        Assert.Equal(["anne", "zoo"], (await Admin.ListTenantsAsync(new ListTenantsRequest(), Root)).Tenants.Select(tenant => tenant.Name));
    }

    private static Metadata Bearer(string key) => new() { { "authorization", $"Bearer {key}" } };

    private static async Task EventuallyAsync(Func<Task> call)
    {
        for (var deadline = TestGrid.Deadline; ;)
        {
            try
            {
                await call();
                return;
            }
            catch (RpcException) when (DateTime.UtcNow < deadline)
            {
                await Task.Delay(100);
            }
        }
    }

    private async Task<TenantWithKey> CreateAsync(string name, Limits? limits = null) =>
        await Admin.CreateTenantAsync(new CreateTenantRequest { Name = name, Limits = limits }, Root);
}
