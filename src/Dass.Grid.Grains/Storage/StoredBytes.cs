using Orleans.Storage;

namespace Dass.Grid.Grains.Storage;

/// <summary>A record of the grid's storage: bytes whose form is their grain's own.</summary>
public sealed class StoredBytes
{
    public ReadOnlyMemory<byte> Bytes { get; init; }
}

/// <summary>Bytes in, bytes out: the serializer of every store.</summary>
public sealed class BytesSerializer : IGrainStorageSerializer
{
    public BinaryData Serialize<T>(T? input) => input is StoredBytes stored ? BinaryData.FromBytes(stored.Bytes) : throw Unsupported();

    public T Deserialize<T>(BinaryData input) => new StoredBytes { Bytes = input.ToMemory() } is T stored ? stored : throw Unsupported();

    private static NotSupportedException Unsupported() => new($"Only {nameof(StoredBytes)} is stored here.");
}
