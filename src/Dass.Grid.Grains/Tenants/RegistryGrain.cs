using Dass.Grid.Engine;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Storage;
using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Dass.Grid.Grains.Tenants;

/// <summary>Keeps the register as JSON in the store of streams. A change that the store does not take has not happened.</summary>
[GrainType("register")]
public sealed partial class RegistryGrain(
    [FromKeyedServices(StreamGrainShared.Store)] IGrainStorage storage, ModelRegistry models, LoadMap silos, TimeProvider time, ILogger<RegistryGrain> logger)
    : Grain, IRegistryGrain
{
    private const string StateName = "register";
    private const int MaxModels = 64;
    private const int MaxAliases = 10_000;
    private const int MaxTenants = 100_000;
    private const int MaxKeys = 16;
    private static readonly TimeSpan LoadPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private Registry _register = Registry.Empty;
    private StoredJson<Registry> _store = null!; // from activation on

    /// <remarks>Without the store there is no register: whoever asks, asks again.</remarks>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _store = new StoredJson<Registry>(storage, StateName, this.GetGrainId());
        _register = await _store.ReadAsync() ?? _register;
    }

    public Task<Registry?> Get(long known) => Task.FromResult(_register.Version == known ? null : _register);

    public async Task<Outcome<TenantRecord>> CreateTenant(TenantRecord tenant)
    {
        if (_register.Tenants.Any(other => other.Name == tenant.Name))
        {
            return new Refusal(RefusalCode.AlreadyExists, $"tenant '{tenant.Name}' exists already.");
        }
        if (_register.Tenants.Length >= MaxTenants)
        {
            return new Refusal(RefusalCode.LimitReached, $"the register holds {MaxTenants} tenants, its limit.");
        }
        if (Unknown(tenant.Models) is { } unknown)
        {
            return unknown;
        }
        await WriteAsync(_register with { Tenants = [.. _register.Tenants.Append(tenant).OrderBy(each => each.Name, StringComparer.Ordinal)] });
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

    public Task<Outcome<TenantRecord>> AddKey(string name, KeyRecord key, DateTimeOffset othersUntil) => ChangeAsync(name, tenant => tenant with
    {
        Keys =
        [
            key,
            .. tenant.Keys.Select(old => old with { Until = old.Until < othersUntil ? old.Until : othersUntil }).Take(MaxKeys - 1),
        ],
    });

    public async Task<Outcome<ModelCard>> AddModel(string name, string directory, int maxStreams)
    {
        if (_register.Models.Any(other => other.Name == name) || models.Find(name, out _) is null)
        {
            return new Refusal(
                RefusalCode.AlreadyExists, $"model '{name}' exists already, and a name keeps its weights: register another name and point an alias at it.");
        }
        if (_register.Models.Length >= MaxModels)
        {
            return new Refusal(RefusalCode.LimitReached, $"the register holds {MaxModels} models, its limit.");
        }
        ServedModel served;
        try
        {
            served = await models.LoadAsync(name, directory, maxStreams, hash: null, CancellationToken.None);
        }
        catch (Exception unusable) when (unusable is ModelLoadException or ArgumentException)
        {
            return new Refusal(RefusalCode.InvalidRequest, $"directory '{directory}' cannot be used: {unusable.Message}");
        }
        await WriteAsync(_register with { Models = [.. _register.Models, new ModelRecord(name, directory, served.Card.Summary.Hash, maxStreams)] });
        LogModel(name, directory, served.Card.Summary.Hash);
        await EverywhereAsync(name);
        return served.Card;
    }

    /// <summary>
    /// Waits until every silo that carries streams serves the model; one that cannot says so in its log, and streams of the model are not placed
    /// there.
    /// </summary>
    private async Task EverywhereAsync(string model)
    {
        var began = time.GetTimestamp();
        while (time.GetElapsedTime(began) < LoadPatience && silos.Known.Any(known => known.Load.Slots > 0 && !silos.Serves(known.Silo, model)))
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
        var others = _register.Aliases.Where(other => (other.Tenant, other.Name) != (tenant, alias)).ToArray();
        if (model is null && others.Length == _register.Aliases.Length)
        {
            return new Refusal(RefusalCode.UnknownModel, $"alias '{alias}' is unknown.");
        }
        if (others.Length >= MaxAliases)
        {
            return new Refusal(RefusalCode.LimitReached, $"the register holds {MaxAliases} aliases, its limit.");
        }
        await WriteAsync(_register with { Aliases = model is null ? others : [.. others, new ModelAlias(tenant, alias, model)] });
        LogAlias(alias, tenant.Length == 0 ? "everybody" : tenant, model ?? "nothing");
        return _register;
    }

    private Refusal? Unknown(string[] names) => names
        .Where(name => _register.Models.All(model => model.Name != name))
        .Select(name => models.Find(name, out _))
        .FirstOrDefault(refusal => refusal is not null);

    private async Task<Outcome<TenantRecord>> ChangeAsync(string name, Func<TenantRecord, TenantRecord> change)
    {
        var index = Array.FindIndex(_register.Tenants, tenant => tenant.Name == name);
        if (index < 0)
        {
            return new Refusal(RefusalCode.UnknownTenant, $"tenant '{name}' is not in the register; one of the configuration is changed there.");
        }
        TenantRecord[] tenants = [.. _register.Tenants];
        tenants[index] = change(tenants[index]);
        await WriteAsync(_register with { Tenants = tenants });
        LogTenant("changed", name);
        return tenants[index];
    }

    private async Task WriteAsync(Registry register)
    {
        register = register with { Version = _register.Version + 1 };
        try
        {
            await _store.WriteAsync(register);
        }
        catch (InconsistentStateException)
        {
            DeactivateOnIdle(); // another silo has changed it: this activation must not answer any more
            throw;
        }
        _register = register;
    }

    [LoggerMessage(LogLevel.Information, "Tenant {Tenant} was {What} in the register.")]
    private partial void LogTenant(string what, string tenant);

    [LoggerMessage(LogLevel.Information, "Model {Model} was registered: {Directory} ({Hash}).")]
    private partial void LogModel(string model, string directory, string hash);

    [LoggerMessage(LogLevel.Information, "Alias {Alias} of {Tenant} stands for {Model} now.")]
    private partial void LogAlias(string alias, string tenant, string model);
}
