using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Services;

/// <summary>Changes the registry of tenants, models and aliases. Its rules are written in admin.proto.</summary>
internal sealed class AdminService(
    IGrainFactory grains, RegistryCache registry, IOptions<TenantsOptions> configured, TimeProvider time) : Admin.AdminBase
{
    private const int DefaultStreams = 256;
    private const int MaxStreams = 100_000;
    private const int MaxModels = 64;
    private const int MaxDirectory = 4_096; // characters
    private const int MaxSilo = 128; // characters
    private static readonly TimeSpan LongestOverlap = TimeSpan.FromDays(30);

    private ISiloDirectoryGrain SiloDirectory => grains.GetGrain<ISiloDirectoryGrain>(0);

    private IRegistryGrain RegistryGrain => grains.GetGrain<IRegistryGrain>(0);

    public override async Task<TenantWithKey> CreateTenant(CreateTenantRequest request, ServerCallContext context)
    {
        RequireTenant("name", request.Name);
        if (configured.Value.Tenants.ContainsKey(request.Name))
        {
            throw Error(StatusCode.AlreadyExists, $"tenant '{request.Name}' is in the configuration already.");
        }
        var (key, record) = TenantKeys.Create();
        var (limits, models) = (ParseLimits(request.Limits), ParseModels(request.Models));
        var tenant = new TenantRecord(request.Name, Disabled: false, [record], limits, models, time.GetUtcNow())
        {
            Events = RequestMapping.Rule("events", request.Events),
        };
        return await MapWithKeyAsync(await RegistryGrain.CreateTenant(tenant), key);
    }

    public override async Task<ListTenantsResponse> ListTenants(ListTenantsRequest request, ServerCallContext context)
    {
        var size = Paging.Size(request.PageSize);
        await registry.RefreshAsync();
        var page = configured.Value.Tenants.Select(tenant => Map(tenant.Key, tenant.Value))
            .Concat((registry.Current ?? Contracts.Registry.Empty).Tenants.Select(Map))
            .OrderBy(tenant => tenant.Name, StringComparer.Ordinal)
            .Where(tenant => string.CompareOrdinal(tenant.Name, request.PageToken) > 0)
            .Take(size + 1)
            .ToArray();
        return new ListTenantsResponse { Tenants = { page.Take(size) }, NextPageToken = page.Length > size ? page[size - 1].Name : "" };
    }

    public override async Task<Tenant> UpdateTenant(UpdateTenantRequest request, ServerCallContext context)
    {
        RequireTenant("name", request.Name);
        var models = request.AllModels ? [] : request.Models.Count > 0 ? ParseModels(request.Models) : null;
        var change = new TenantChange(
            request.HasDisabled ? request.Disabled : null,
            request.Limits is { } limits ? ParseLimits(limits) : null,
            models,
            RequestMapping.Rule("events", request.Events));
        var changed = (await RegistryGrain.UpdateTenant(request.Name, change)).OrThrow();
        await registry.RefreshAsync();
        return Map(changed);
    }

    public override async Task<TenantWithKey> RotateKey(RotateKeyRequest request, ServerCallContext context)
    {
        RequireTenant("name", request.Name);
        var overlap = request.KeepOld is { } keep ? keep.Seconds + keep.Nanos / 1e9 : 0;
        if (!(overlap >= 0 && overlap <= LongestOverlap.TotalSeconds))
        {
            throw Error(StatusCode.InvalidArgument, $"keep_old is {overlap:F0} s; 0 to {LongestOverlap.TotalDays} days.");
        }
        var (key, record) = TenantKeys.Create();
        var until = time.GetUtcNow() + TimeSpan.FromSeconds(overlap);
        return await MapWithKeyAsync(await RegistryGrain.AddKey(request.Name, record, until), key);
    }

    public override async Task<GetUsageResponse> GetTenantUsage(GetTenantUsageRequest request, ServerCallContext context)
    {
        RequireTenant("name", request.Name);
        await registry.RefreshAsync();
        if (request.Name != TenantKeys.DefaultTenant
            && !configured.Value.Tenants.ContainsKey(request.Name)
            && registry.Current?.Tenants.Any(tenant => tenant.Name == request.Name) != true)
        {
            throw Error(StatusCode.NotFound, $"tenant '{request.Name}' is unknown; ListTenants names those that there are.");
        }
        return ResponseMapping.Map(await grains.GetGrain<IUsageGrain>(request.Name).Get());
    }

    public override async Task<ModelInfo> RegisterModel(RegisterModelRequest request, ServerCallContext context)
    {
        RequireName("name", request.Name);
        if (request.Directory.Length is 0 or > MaxDirectory
            || !Path.IsPathFullyQualified(request.Directory)
            || request.Directory.Any(char.IsControl))
        {
            throw Error(
                StatusCode.InvalidArgument,
                $"directory has {request.Directory.Length} characters; a full path of 1 to {MaxDirectory} is needed.");
        }
        if (request.MaxStreams is < 0 or > MaxStreams)
        {
            throw Error(StatusCode.InvalidArgument, $"max_streams is {request.MaxStreams}; 1 to {MaxStreams}, or 0 for {DefaultStreams}.");
        }
        var maxStreams = request.MaxStreams == 0 ? DefaultStreams : request.MaxStreams;
        var card = (await RegistryGrain.AddModel(request.Name, request.Directory, maxStreams)).OrThrow();
        await registry.RefreshAsync();
        return ResponseMapping.Map(card.ListedSummary());
    }

    public override async Task<Alias> SetAlias(Alias request, ServerCallContext context)
    {
        RequireAlias(request.Tenant, request.Name);
        RequireName("model", request.Model);
        await ChangeAsync(request.Tenant, request.Name, request.Model);
        return request;
    }

    public override async Task<DeleteAliasResponse> DeleteAlias(DeleteAliasRequest request, ServerCallContext context)
    {
        RequireAlias(request.Tenant, request.Name);
        await ChangeAsync(request.Tenant, request.Name, model: null);
        return new DeleteAliasResponse();
    }

    public override async Task<ListAliasesResponse> ListAliases(ListAliasesRequest request, ServerCallContext context)
    {
        await registry.RefreshAsync();
        var aliases = (registry.Current ?? Contracts.Registry.Empty).Aliases
            .Select(alias => new Alias { Tenant = alias.Tenant, Name = alias.Name, Model = alias.Model });
        return new ListAliasesResponse { Aliases = { aliases } };
    }

    public override async Task<ListSilosResponse> ListSilos(ListSilosRequest request, ServerCallContext context) =>
        new() { Silos = { (await SiloDirectory.List()).Select(ResponseMapping.Map) } };

    public override async Task<Silo> DrainSilo(DrainSiloRequest request, ServerCallContext context)
    {
        if (request.Silo.Length is 0 or > MaxSilo)
        {
            throw Error(
                StatusCode.InvalidArgument,
                $"silo has {request.Silo.Length} characters; one of those that ListSilos names, of 1 to {MaxSilo}, is needed.");
        }
        return ResponseMapping.Map((await SiloDirectory.SetDraining(request.Silo, !request.CallOff)).OrThrow());
    }

    private async Task ChangeAsync(string tenant, string alias, string? model)
    {
        (await RegistryGrain.SetAlias(tenant, alias, model)).OrThrow();
        await registry.RefreshAsync();
    }

    private async Task<TenantWithKey> MapWithKeyAsync(Outcome<TenantRecord> outcome, string key)
    {
        var tenant = outcome.OrThrow();
        await registry.RefreshAsync();
        return new TenantWithKey { Tenant = Map(tenant), Key = key };
    }

    private static Tenant Map(TenantRecord tenant) => new()
    {
        Name = tenant.Name,
        Disabled = tenant.Disabled,
        Limits = Map(tenant.Limits),
        Models = { tenant.Models },
        Keys = { tenant.Keys.Select(Map) },
        Created = Timestamp.FromDateTimeOffset(tenant.Created),
        Events = tenant.Events is { } rule ? ResponseMapping.Map(rule) : null,
    };

    private static Key Map(KeyRecord key) =>
        new() { Id = key.Id, Until = key.Until is { } until ? Timestamp.FromDateTimeOffset(until) : null };

    private static Tenant Map(string name, TenantOptions tenant) =>
        new() { Name = name, Limits = Map(tenant.Limits), Models = { tenant.Models }, Configured = true };

    private static Limits Map(TenantLimits limits)
    {
        var answer = new Limits();
        if (limits.LiveStreams is { } live)
        {
            answer.LiveStreams = live;
        }
        if (limits.NewStreamsPerMinute is { } begun)
        {
            answer.NewStreamsPerMinute = begun;
        }
        if (limits.AudioRate is { } rate)
        {
            answer.AudioSecondsPerSecond = rate;
        }
        if (limits.Subscribers is { } subscribers)
        {
            answer.Subscribers = subscribers;
        }
        if (limits.MessageBytes is { } message)
        {
            answer.MessageBytes = message;
        }
        if (limits.RetainedBytes is { } retained)
        {
            answer.RetainedBytes = retained;
        }
        if (limits.Weight is { } weight)
        {
            answer.Weight = weight;
        }
        return answer;
    }

    private static TenantLimits ParseLimits(Limits? asked)
    {
        if (asked is null)
        {
            return TenantLimits.None;
        }
        var limits = new TenantLimits
        {
            LiveStreams = asked.HasLiveStreams ? asked.LiveStreams : null,
            NewStreamsPerMinute = asked.HasNewStreamsPerMinute ? asked.NewStreamsPerMinute : null,
            AudioRate = asked.HasAudioSecondsPerSecond ? asked.AudioSecondsPerSecond : null,
            Subscribers = asked.HasSubscribers ? asked.Subscribers : null,
            MessageBytes = asked.HasMessageBytes ? asked.MessageBytes : null,
            RetainedBytes = asked.HasRetainedBytes ? asked.RetainedBytes : null,
            Weight = asked.HasWeight ? asked.Weight : null,
        };
        var rules = new OptionRules();
        limits.AddTo(rules, "limits.");
        return rules.Errors.Count == 0 ? limits : throw Error(StatusCode.InvalidArgument, string.Join(' ', rules.Errors));
    }

    private static string[] ParseModels(IReadOnlyCollection<string> models)
    {
        if (models.Count > MaxModels)
        {
            throw Error(StatusCode.InvalidArgument, $"models has {models.Count} names; at most {MaxModels}.");
        }
        foreach (var model in models)
        {
            RequireName("models", model);
        }
        return [.. models.Distinct(StringComparer.Ordinal)];
    }

    private static void RequireAlias(string tenant, string name)
    {
        if (tenant.Length > 0)
        {
            RequireTenant("tenant", tenant);
        }
        RequireName("name", name);
    }

    private static void RequireTenant(string field, string value) =>
        Require(StreamId.IsTenant(value), field, value, StreamId.MaxTenantLength);

    private static void RequireName(string field, string value) => Require(StreamId.IsName(value), field, value, StreamId.MaxNameLength);

    private static void Require(bool holds, string field, string value, int length)
    {
        if (!holds)
        {
            throw Error(
                StatusCode.InvalidArgument,
                $"{field} '{(value.Length <= 64 ? value : value[..64] + "…")}' is not 1 to {length} of {StreamId.Alphabet}.");
        }
    }

    private static RpcException Error(StatusCode code, string message) => new(new Status(code, message));
}
