using System.Buffers;
using System.Runtime.InteropServices;

namespace Dass.Grid.Grains.Storage;

/// <summary>A buffer that grows, from the shared pool. Its owner disposes it; nothing that it gave out may be used after.</summary>
internal sealed class PooledBytes(int capacity = 1 << 16) : IBufferWriter<byte>, IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(capacity);
    private int _written;

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _written);

    public void Advance(int count) => _written += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Grow(Math.Max(1, sizeHint));
        return _bytes.AsMemory(_written);
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <summary>Overwrites a number that has been written.</summary>
    public void Replace(int at, int value) => MemoryMarshal.Write(_bytes.AsSpan(at), in value);

    public void Dispose()
    {
        var bytes = Interlocked.Exchange(ref _bytes, []);
        if (bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private void Grow(int room)
    {
        if (_bytes.Length - _written >= room)
        {
            return;
        }
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(2 * _bytes.Length, _written + room));
        _bytes.AsSpan(0, _written).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
