using Dass.Grid.Engine;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Dass.Grid.Grains.Tenants;

/// <summary>Keeps the registry as JSON in the store. A change that the store does not take has not happened.</summary>
[GrainType("register")]
public sealed partial class RegistryGrain(
    [FromKeyedServices(GridStorage.Name)] IGrainStorage storage,
    ModelRegistry models,
    LoadMap silos,
    TimeProvider time,
    ILogger<RegistryGrain> logger)
    : Grain, IRegistryGrain
{
    private const string StateName = "register";
    private const int MaxModels = 64;
    private const int MaxAliases = 10_000;
    private const int MaxTenants = 50_000; // 190 bytes each and more: the registry is one message
    private const int MaxKeys = 16;
    private static readonly TimeSpan LoadPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private Registry _registry = Registry.Empty;
    private StoredJson<Registry> _store = null!; // from activation on

    /// <remarks>Without the store there is no registry: callers ask again.</remarks>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _store = new StoredJson<Registry>(storage, StateName, this.GetGrainId(), stored => stored.Version < _registry.Version);
        _registry = await _store.ReadAsync() ?? _registry;
    }

    public Task<Registry?> Get(long known) => Task.FromResult(_registry.Version == known ? null : _registry);

    public async Task<Outcome<TenantRecord>> CreateTenant(TenantRecord tenant)
    {
        if (_registry.Tenants.Any(other => other.Name == tenant.Name))
        {
            return new Refusal(RefusalCode.AlreadyExists, $"tenant '{tenant.Name}' exists already.");
        }
        if (_registry.Tenants.Length >= MaxTenants)
        {
            return new Refusal(RefusalCode.LimitReached, $"the registry holds {MaxTenants} tenants, its limit.");
        }
        if (Unknown(tenant.Models) is { } unknown)
        {
            return unknown;
        }
        var tenants = _registry.Tenants.Append(tenant).OrderBy(each => each.Name, StringComparer.Ordinal);
        await WriteAsync(_registry with { Tenants = [.. tenants] });
        LogTenant("created", tenant.Name);
        return tenant;
    }

    public async Task<Outcome<TenantRecord>> UpdateTenant(string name, TenantChange change)
    {
        if (change.Models is { } wanted && Unknown(wanted) is { } unknown)
        {
            return unknown;
        }
        return await ChangeAsync(name, tenant => tenant with
        {
            Disabled = change.Disabled ?? tenant.Disabled,
            Limits = change.Limits ?? tenant.Limits,
            Models = change.Models ?? tenant.Models,
            Events = change.Events ?? tenant.Events,
        });
    }

    public Task<Outcome<TenantRecord>> AddKey(string name, KeyRecord key, DateTimeOffset othersUntil) =>
        ChangeAsync(name, tenant => tenant with
        {
            Keys =
            [
                key,
                .. tenant.Keys.Select(old => old with { Until = old.Until < othersUntil ? old.Until : othersUntil }).Take(MaxKeys - 1),
            ],
        });

    public async Task<Outcome<ModelCard>> AddModel(string name, string directory, int maxStreams)
    {
        if (CannotRecord(name) is { } refusal)
        {
            return refusal;
        }
        if (models.Find(name, out var served) is null && served.Directory != directory) // else a store that was away did not take it
        {
            return Exists(name);
        }
        try
        {
            served = await models.LoadAsync(name, directory, maxStreams, hash: null, CancellationToken.None);
        }
        catch (Exception unusable) when (unusable is ModelLoadException or ArgumentException)
        {
            return new Refusal(RefusalCode.InvalidRequest, $"directory '{directory}' cannot be used: {unusable.Message}");
        }
        // Loading took time in which others have changed the registry: its turn has to come for this change too.
        var record = new ModelRecord(name, directory, served.Card.Summary.Hash, maxStreams);
        if ((await this.AsReference<IRegistryGrain>().RecordModel(record)).Refusal is { } late)
        {
            return late;
        }
        await WaitForSilosAsync(name);
        return served.Card;
    }

    public async Task<Outcome<ModelRecord>> RecordModel(ModelRecord model)
    {
        if (CannotRecord(model.Name) is { } refusal)
        {
            return refusal;
        }
        await WriteAsync(_registry with { Models = [.. _registry.Models, model] });
        LogModel(model.Name, model.Directory, model.Hash);
        return model;
    }

    private Refusal? CannotRecord(string model) =>
        _registry.Models.Any(other => other.Name == model) ? Exists(model)
        : _registry.Models.Length >= MaxModels
            ? new Refusal(RefusalCode.LimitReached, $"the registry holds {MaxModels} models, its limit.")
        : null;

    private static Refusal Exists(string model) => new(
        RefusalCode.AlreadyExists,
        $"model '{model}' exists already, and a name keeps its weights: register another name and point an alias at it.");

    /// <summary>
    /// Waits until every silo that carries streams serves the model; one that cannot says so in its log, and streams of the model are not
    /// placed there.
    /// </summary>
    private async Task WaitForSilosAsync(string model)
    {
        var began = time.GetTimestamp();
        while (time.GetElapsedTime(began) < LoadPatience
            && silos.Known.Any(known => known.Load.Slots > 0 && !silos.Serves(known.Silo, model)))
        {
            await Task.Delay(Poll, time);
        }
    }

    public async Task<Outcome<Registry>> SetAlias(string tenant, string alias, string? model)
    {
        if (model is not null && Unknown([model]) is { } unknown)
        {
            return unknown;
        }
        var others = _registry.Aliases.Where(other => (other.Tenant, other.Name) != (tenant, alias)).ToArray();
        if (model is null && others.Length == _registry.Aliases.Length)
        {
            return new Refusal(RefusalCode.UnknownModel, $"alias '{alias}' is unknown.");
        }
        if (others.Length >= MaxAliases)
        {
            return new Refusal(RefusalCode.LimitReached, $"the registry holds {MaxAliases} aliases, its limit.");
        }
        await WriteAsync(_registry with { Aliases = model is null ? others : [.. others, new ModelAlias(tenant, alias, model)] });
        LogAlias(alias, tenant.Length == 0 ? "all tenants" : tenant, model ?? "nothing");
        return _registry;
    }

    public async Task SetSessionSecret(string secret)
    {
        if (_registry.SessionSecret is null)
        {
            await WriteAsync(_registry with { SessionSecret = secret });
        }
    }

    private Refusal? Unknown(string[] names) => names
        .Where(name => _registry.Models.All(model => model.Name != name))
        .Select(name => models.Find(name, out _))
        .FirstOrDefault(refusal => refusal is not null);

    private async Task<Outcome<TenantRecord>> ChangeAsync(string name, Func<TenantRecord, TenantRecord> change)
    {
        var index = Array.FindIndex(_registry.Tenants, tenant => tenant.Name == name);
        if (index < 0)
        {
            return new Refusal(
                RefusalCode.UnknownTenant, $"tenant '{name}' is not in the registry; one of the configuration is changed there.");
        }
        TenantRecord[] tenants = [.. _registry.Tenants];
        tenants[index] = change(tenants[index]);
        await WriteAsync(_registry with { Tenants = tenants });
        LogTenant("changed", name);
        return tenants[index];
    }

    private async Task WriteAsync(Registry registry)
    {
        registry = registry with { Version = _registry.Version + 1 };
        try
        {
            await _store.WriteAsync(registry);
        }
        catch (InconsistentStateException)
        {
            DeactivateOnIdle(); // another silo has changed it: this activation must not answer any more
            throw;
        }
        _registry = registry;
    }
}
