using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Dass.Grid.Engine;

/// <summary>Writes fields one after the other, little-endian; lists behind their count.</summary>
public sealed class SnapshotWriter(IBufferWriter<byte> to)
{
    /// <summary>One value, as it lies in memory.</summary>
    public void Write<T>(T value)
        where T : unmanaged
    {
        to.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));
    }

    /// <summary>The count of the values, then the values.</summary>
    public void WriteAll<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        Write(values.Length);
        to.Write(MemoryMarshal.AsBytes(values));
    }

    /// <summary>The count, then values that <paramref name="fill"/> writes where they will stay.</summary>
    public void WriteAll<T, TSource>(int count, TSource source, SpanAction<T, TSource> fill)
        where T : unmanaged
    {
        Write(count);
        var bytes = count * Unsafe.SizeOf<T>();
        fill(MemoryMarshal.Cast<byte, T>(to.GetSpan(bytes)[..bytes]), source);
        to.Advance(bytes);
    }

    /// <summary>The count of the text's UTF-8 bytes, then the bytes.</summary>
    public void Write(string text) => WriteAll<byte>(Encoding.UTF8.GetBytes(text));
}

/// <summary>Reads what <see cref="SnapshotWriter"/> wrote and believes no length.</summary>
public ref struct SnapshotReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether everything has been read.</summary>
    public readonly bool AtEnd => _rest.IsEmpty;

    /// <summary>One value.</summary>
    /// <exception cref="SnapshotException">Too few bytes are left. So with the other reads.</exception>
    public T Read<T>(string field)
        where T : unmanaged =>
        MemoryMarshal.Read<T>(Take(field, Unsafe.SizeOf<T>()));

    /// <summary>A list of any length that the bytes can hold.</summary>
    public T[] ReadAll<T>(string field)
        where T : unmanaged
    {
        var count = Read<int>(field);
        Check(count >= 0, field, $"count {count}");
        return MemoryMarshal.Cast<byte, T>(Take(field, (long)count * Unsafe.SizeOf<T>())).ToArray();
    }

    /// <summary>A list of exactly the length of <paramref name="to"/>.</summary>
    public void ReadAll<T>(string field, Span<T> to)
        where T : unmanaged
    {
        var count = Read<int>(field);
        Check(count == to.Length, field, $"count {count} instead of {to.Length}");
        Take(field, (long)count * Unsafe.SizeOf<T>()).CopyTo(MemoryMarshal.AsBytes(to));
    }

    /// <summary>A list of exactly <paramref name="count"/> values, in place: valid as long as the bytes are.</summary>
    public ReadOnlySpan<T> ReadAll<T>(string field, int count)
        where T : unmanaged
    {
        var found = Read<int>(field);
        Check(found == count, field, $"count {found} instead of {count}");
        return MemoryMarshal.Cast<byte, T>(Take(field, (long)count * Unsafe.SizeOf<T>()));
    }

    /// <summary>A text of any length that the bytes can hold.</summary>
    public string ReadString(string field) => Encoding.UTF8.GetString(ReadAll<byte>(field));

    /// <exception cref="SnapshotException">The rule does not hold.</exception>
    public static void Check(bool holds, string field, string value)
    {
        if (!holds)
        {
            throw new SnapshotException($"The stream's snapshot is damaged: {field} ({value}).");
        }
    }

    private ReadOnlySpan<byte> Take(string field, long length)
    {
        Check(length <= _rest.Length, field, $"needs {length} bytes, {_rest.Length} are left");
        var taken = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return taken;
    }
}
