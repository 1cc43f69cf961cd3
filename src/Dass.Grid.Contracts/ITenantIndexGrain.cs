namespace Dass.Grid.Contracts;

/// <summary>Which tenants have streams in the store, so that their lists are woken when no client calls. Key: 0.</summary>
[Alias("dass.ITenantIndexGrain")]
public interface ITenantIndexGrain : IGrainWithIntegerKey
{
    /// <summary>Answers when the store knows the tenant.</summary>
    [Alias("Add")]
    Task Add(string tenant);

    /// <summary>
    /// Wakes the lists of all tenants that are known, unless that has been done lately. Tenants without streams are forgotten.
    /// </summary>
    [Alias("Wake")]
    Task Wake();
}
