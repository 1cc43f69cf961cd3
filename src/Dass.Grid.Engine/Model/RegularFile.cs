using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Model;

/// <summary>Files of a model directory. A link is followed; what it leads to must be a regular file.</summary>
internal static partial class RegularFile
{
    // statx(2), whose structure is the same on every processor.
    private const int CurrentDirectory = -100;
    private const uint TypeMask = 1;
    private const int StatxBytes = 256;
    private const int ModeOffset = 28;
    private const int TypeBits = 0xF000;

    /// <summary>Opens a file for reading. Opening a pipe would wait for its writer, and a device has no end.</summary>
    /// <exception cref="IOException">The file cannot be opened, or is no regular file.</exception>
    public static FileStream OpenRead(string path)
    {
        if (OperatingSystem.IsLinux() && Kind(path) is { } kind)
        {
            throw new IOException($"It is a {kind}; only regular files are read.");
        }
        return File.OpenRead(path);
    }

    /// <returns>What is there instead of a regular file; null: a regular file, or nothing that can be looked at.</returns>
    private static string? Kind(string path)
    {
        Span<byte> status = stackalloc byte[StatxBytes];
        if (Statx(CurrentDirectory, path, 0, TypeMask, status) != 0)
        {
            return null; // opening it says why
        }
        return (BinaryPrimitives.ReadUInt16LittleEndian(status[ModeOffset..]) & TypeBits) switch
        {
            0x8000 => null,
            0x4000 => "directory",
            0x1000 => "pipe",
            0x2000 or 0x6000 => "device",
            0xC000 => "socket",
            _ => "thing of another kind",
        };
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> status);
}
