using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Dass.Grid.Engine.Model;

/// <summary>
/// A safetensors file: 8 bytes header length, a JSON header that gives each tensor's dtype, shape and place, then the data. The file is
/// taken as hostile: nothing is allocated from a declared size before the size has been compared with the file's own length.
/// </summary>
internal sealed class SafetensorsFile : IDisposable
{
    /// <summary>Bytes of header that are read at the most; DASS-medium needs about 60,000.</summary>
    public const int MaxHeaderBytes = 16 << 20;

    private const int MaxRank = 8;
    private const int MaxValues = int.MaxValue / sizeof(float); // of a tensor: a span of its bytes is no longer

    private readonly FileStream _file;
    private readonly long _dataStart;

    private SafetensorsFile(FileStream file, long dataStart, IReadOnlyDictionary<string, Entry> entries)
    {
        _file = file;
        _dataStart = dataStart;
        Entries = entries;
    }

    public enum DataType
    {
        F32,
        F16,
        BF16,
    }

    /// <summary>One tensor; <c>Begin</c> counts bytes from the end of the header.</summary>
    public sealed record Entry(string Name, DataType Type, ImmutableArray<int> Shape, long Begin, int Length);

    public IReadOnlyDictionary<string, Entry> Entries { get; }

    /// <exception cref="ModelLoadException">The file breaks a rule of the format.</exception>
    public static SafetensorsFile Open(string path)
    {
        FileStream? file = null;
        try
        {
            file = RegularFile.OpenRead(path);
            Span<byte> prefix = stackalloc byte[8];
            if (file.ReadAtLeast(prefix, 8, throwOnEndOfStream: false) < 8)
            {
                throw Broken(path, $"it has {file.Length} bytes; the header length alone takes 8");
            }
            var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
            if (headerBytes > MaxHeaderBytes && prefix is [0x50, 0x4B, 3, 4, ..] or [0x80, 2, ..])
            {
                throw Broken(path, "it is a PyTorch pickle. Pickles can run code and are not read. " + ModelFiles.HowToConvert);
            }
            if (headerBytes > MaxHeaderBytes || (long)headerBytes > file.Length - 8)
            {
                throw Broken(path, $"its header claims {headerBytes} bytes; the file has {file.Length} and the limit is {MaxHeaderBytes}");
            }
            var header = new byte[headerBytes];
            file.ReadExactly(header);
            var dataStart = 8 + (long)headerBytes;
            return new SafetensorsFile(file, dataStart, ReadHeader(path, header, file.Length - dataStart));
        }
        catch (Exception exception)
        {
            file?.Dispose();
            if (exception is IOException or UnauthorizedAccessException)
            {
                throw new ModelLoadException($"{path}: cannot be read: {exception.Message}", exception);
            }
            throw;
        }
    }

    /// <summary>The values as single precision, row-major.</summary>
    /// <exception cref="ModelLoadException">The file cannot be read.</exception>
    public float[] Read(Entry entry)
    {
        try
        {
            return ReadValues(entry);
        }
        catch (IOException failure)
        {
            throw new ModelLoadException($"{_file.Name}: cannot be read: {failure.Message}", failure);
        }
    }

    private float[] ReadValues(Entry entry)
    {
        var values = new float[entry.Length];
        _file.Position = _dataStart + entry.Begin;
        if (entry.Type == DataType.F32)
        {
            _file.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
            return values;
        }
        var halves = new ushort[entry.Length];
        _file.ReadExactly(MemoryMarshal.AsBytes(halves.AsSpan()));
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = entry.Type == DataType.F16
                ? (float)BitConverter.UInt16BitsToHalf(halves[i])
                : BitConverter.UInt32BitsToSingle((uint)halves[i] << 16);
        }
        return values;
    }

    public void Dispose() => _file.Dispose();

    private static Dictionary<string, Entry> ReadHeader(string path, byte[] header, long dataBytes)
    {
        var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            foreach (var property in json.RootElement.EnumerateObject())
            {
                if (property.Name != "__metadata__" && !entries.TryAdd(property.Name, ReadEntry(path, property, dataBytes)))
                {
                    throw Broken(path, $"tensor '{HostileText.Show(property.Name)}' is there twice");
                }
            }
        }
        catch (Exception exception)
            when (exception is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw Broken(path, $"its header is not what the format asks for: {exception.Message}");
        }

        Entry? before = null;
        foreach (var entry in entries.Values.OrderBy(entry => entry.Begin))
        {
            if (before is not null && before.Begin + Bytes(before) > entry.Begin)
            {
                throw Broken(path, $"tensors '{HostileText.Show(before.Name)}' and '{HostileText.Show(entry.Name)}' overlap");
            }
            before = entry;
        }
        return entries;
    }

    private static Entry ReadEntry(string path, JsonProperty property, long dataBytes)
    {
        var name = HostileText.Show(property.Name);
        var typeName = property.Value.GetProperty("dtype").GetString();
        if (!Enum.GetNames<DataType>().Contains(typeName) || !Enum.TryParse<DataType>(typeName, out var type))
        {
            throw Broken(path, $"tensor '{name}' has dtype {HostileText.Show(typeName)}; F32, F16 and BF16 are read");
        }
        var dimensions = property.Value.GetProperty("shape");
        var shape = ImmutableArray.CreateBuilder<int>();
        long length = 1;
        foreach (var dimension in dimensions.EnumerateArray())
        {
            var size = dimension.GetInt64();
            length = size is < 1 or > int.MaxValue ? long.MaxValue : length * size; // both factors are below 2³¹
            if (length > MaxValues || shape.Count == MaxRank)
            {
                throw Broken(
                    path,
                    $"tensor '{name}' has shape {HostileText.Show(dimensions)}; "
                    + $"up to {MaxRank} dimensions of at least 1 and {MaxValues} values in all are read");
            }
            shape.Add((int)size);
        }
        var offsets = property.Value.GetProperty("data_offsets");
        if (offsets.GetArrayLength() != 2)
        {
            throw Broken(path, $"tensor '{name}' has data_offsets {HostileText.Show(offsets)}; they must be begin and end");
        }
        long begin = offsets[0].GetInt64(), end = offsets[1].GetInt64();
        var entry = new Entry(property.Name, type, shape.ToImmutable(), begin, (int)length);
        if (begin < 0 || end < begin || end > dataBytes)
        {
            throw Broken(path, $"tensor '{name}' lies at bytes {begin} to {end} of {dataBytes} bytes of data: is the file truncated?");
        }
        if (end - begin != Bytes(entry))
        {
            throw Broken(
                path,
                $"tensor '{name}' has {end - begin} bytes of data; "
                + $"its shape {HostileText.Show(dimensions)} and dtype {type} need {Bytes(entry)}");
        }
        return entry;
    }

    private static long Bytes(Entry entry) => (long)entry.Length * (entry.Type == DataType.F32 ? 4 : 2);

    private static ModelLoadException Broken(string path, string what) => new($"{path}: {what}.");
}
