using Orleans.Concurrency;

namespace Dass.Grid.Contracts;

/// <summary>The grid's one registry, kept in the store. Key: 0. A change is in the store before it is answered.</summary>
[Alias("dass.IRegisterGrain")]
public interface IRegistryGrain : IGrainWithIntegerKey
{
    /// <returns>Null when the version is still <paramref name="known"/>.</returns>
    [Alias("Get"), AlwaysInterleave]
    Task<Registry?> Get(long known);

    [Alias("CreateTenant")]
    Task<Outcome<TenantRecord>> CreateTenant(TenantRecord tenant);

    [Alias("UpdateTenant")]
    Task<Outcome<TenantRecord>> UpdateTenant(string name, TenantChange change);

    /// <summary>Adds a key; those that the tenant has end at <paramref name="othersUntil"/>.</summary>
    [Alias("AddKey")]
    Task<Outcome<TenantRecord>> AddKey(string name, KeyRecord key, DateTimeOffset othersUntil);

    /// <summary>
    /// Loads the model on one silo, and adds it to the registry so that the others load it too. Other changes go on meanwhile.
    /// </summary>
    [Alias("AddModel"), AlwaysInterleave, ResponseTimeout("00:02:00")]
    Task<Outcome<ModelCard>> AddModel(string name, string directory, int maxStreams);

    /// <summary>The second half of <see cref="AddModel"/>: what the registry's own silo has loaded is registered.</summary>
    [Alias("RecordModel")]
    Task<Outcome<ModelRecord>> RecordModel(ModelRecord model);

    /// <summary>Points a name at another model, or with null takes it away.</summary>
    [Alias("SetAlias")]
    Task<Outcome<Registry>> SetAlias(string tenant, string alias, string? model);

    /// <summary>Keeps <paramref name="secret"/> as <see cref="Registry.SessionSecret"/>, unless there is one.</summary>
    [Alias("SetSessionSecret")]
    Task SetSessionSecret(string secret);
}

/// <summary>What is to become of a tenant. Null: as it is.</summary>
[GenerateSerializer, Immutable, Alias("dass.TenantChange")]
public sealed record TenantChange(
    [property: Id(0)] bool? Disabled,
    [property: Id(1)] TenantLimits? Limits,
    [property: Id(2)] string[]? Models,
    [property: Id(3)] SoundEventRule? Events);
