using System.Runtime.InteropServices;

namespace Dass.Grid.Notify.State;

/// <summary>Files that are as they were said to be after a crash of the machine, and for the process's own user alone.</summary>
internal static partial class DurableFile
{
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static FileStreamOptions Owners(FileMode mode, FileAccess access, FileShare share = FileShare.Read)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = share, BufferSize = 0 };
        if (mode is FileMode.Create or FileMode.OpenOrCreate && !OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnersFile;
        }
        return options;
    }

    /// <summary>Makes a directory for the own user, if it is not there.</summary>
    public static void MakeDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
            return;
        }
        Directory.CreateDirectory(path, OwnersFile | UnixFileMode.UserExecute);
    }

    /// <summary>Replaces a file as a whole: a crash leaves the old one or the new one.</summary>
    public static void Replace(string path, Action<Stream> write)
    {
        var temporary = path + ".new";
        using (var file = new FileStream(temporary, Owners(FileMode.Create, FileAccess.Write)))
        {
            write(file);
            file.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
        SyncDirectory(path);
    }

    /// <summary>Adds a line; when this returns it is on the disk. A line that a crash has torn stays a line of its own.</summary>
    public static void Append(string path, ReadOnlySpan<byte> line)
    {
        var isNew = !File.Exists(path);
        using (var file = new FileStream(path, Owners(FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite)))
        {
            var torn = false;
            if (file.Length > 0)
            {
                file.Position = file.Length - 1;
                torn = file.ReadByte() != '\n';
            }
            file.Position = file.Length;
            file.Write((byte[])[.. torn ? "\n"u8 : [], .. line, (byte)'\n']);
            file.Flush(flushToDisk: true);
        }
        if (isNew)
        {
            SyncDirectory(path);
        }
    }

    /// <summary>A name is on the disk when its directory is.</summary>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        var directory = Open(Path.GetDirectoryName(Path.GetFullPath(path))!, 0);
        if (directory >= 0)
        {
            _ = Sync(directory);
            _ = Close(directory);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
