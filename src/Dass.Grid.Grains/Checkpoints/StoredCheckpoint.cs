using Orleans.Storage;

namespace Dass.Grid.Grains.Checkpoints;

/// <summary>What the grain storage holds of one stream: the bytes of a <see cref="Checkpoint"/>.</summary>
public sealed class StoredCheckpoint
{
    public ReadOnlyMemory<byte> Bytes { get; init; }
}

/// <summary>Checkpoints as they are: bytes in, bytes out. The serializer of every store of streams.</summary>
public sealed class CheckpointSerializer : IGrainStorageSerializer
{
    public BinaryData Serialize<T>(T? input) =>
        input is StoredCheckpoint stored ? BinaryData.FromBytes(stored.Bytes) : throw new NotSupportedException($"Only {nameof(StoredCheckpoint)} is stored here.");

    public T Deserialize<T>(BinaryData input) =>
        new StoredCheckpoint { Bytes = input.ToMemory() } is T stored ? stored : throw new NotSupportedException($"Only {nameof(StoredCheckpoint)} is stored here.");
}
