namespace Dass.Grid.Grains.Storage;

/// <summary>The grid's one grain storage: streams, event logs, usage records, lists of streams and the registry.</summary>
public static class GridStorage
{
    /// <summary>What grains use: the storage of <see cref="Provider"/>, which <see cref="StoreHealth"/> watches.</summary>
    public const string Name = "dass-streams";

    /// <summary>The state name of streams' checkpoints.</summary>
    public const string Checkpoints = "stream";

    /// <summary>Its name among the silo's grain storages. Its serializer is <see cref="BytesSerializer"/>.</summary>
    public const string Provider = "dass-store";
}
