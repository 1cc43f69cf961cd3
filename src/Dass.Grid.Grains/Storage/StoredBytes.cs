using Dass.Grid.Grains.Checkpoints;
using Orleans.Storage;

namespace Dass.Grid.Grains.Storage;

/// <summary>What the grain storage holds of one stream: the bytes of a <see cref="Checkpoint"/>.</summary>
public sealed class StoredBytes
{
    public ReadOnlyMemory<byte> Bytes { get; init; }
}

/// <summary>Checkpoints as they are: bytes in, bytes out. The serializer of every store of streams.</summary>
public sealed class BytesSerializer : IGrainStorageSerializer
{
    public BinaryData Serialize<T>(T? input) =>
        input is StoredBytes stored ? BinaryData.FromBytes(stored.Bytes) : throw new NotSupportedException($"Only {nameof(StoredBytes)} is stored here.");

    public T Deserialize<T>(BinaryData input) =>
        new StoredBytes { Bytes = input.ToMemory() } is T stored ? stored : throw new NotSupportedException($"Only {nameof(StoredBytes)} is stored here.");
}
