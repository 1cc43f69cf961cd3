using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Orleans.Storage;

namespace Dass.Grid.Grains.Storage;

/// <summary>
/// Records as files of one directory, which several processes of a machine may share. A record is replaced as a whole: a full disk or a
/// crash leaves the one before; a power cut may leave a checkpoint empty. Its name is a hash of the grain's key, its first eight bytes are
/// its ETag.
/// </summary>
/// <remarks>
/// What is made here is for the process's own user alone: records hold tags, and the hashes of keys. A directory that is deleted while the
/// process runs is made again.
/// </remarks>
public sealed class FileGrainStorage : IGrainStorage
{
    private const string MarkFile = "grid-name";
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int ETagBytes = sizeof(long);
    private const int Locks = 64;
    private const int LockPauseMilliseconds = 5;
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _flushes = new(2); // each blocks a thread of the pool, which answers probes, too
    private readonly string _directory;
    private readonly string _grid;

    /// <param name="directory">Is made when it is missing.</param>
    /// <param name="grid">Whose records it holds. A directory without a mark becomes this grid's.</param>
    /// <exception cref="InvalidOperationException">The directory is another grid's.</exception>
    public FileGrainStorage(string directory, string grid)
    {
        (_directory, _grid) = (Path.GetFullPath(directory), grid);
        MakeDirectory();
    }

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        byte[] record;
        try
        {
            record = await File.ReadAllBytesAsync(PathOf(stateName, grainId)).ConfigureAwait(false);
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            if (missing is DirectoryNotFoundException)
            {
                MakeDirectory();
            }
            (grainState.State, grainState.ETag, grainState.RecordExists) = ((T)(object)new StoredBytes(), null, false);
            return;
        }
        var bytes = record.Length > ETagBytes ? record.AsMemory(ETagBytes) : default;
        (grainState.State, grainState.ETag, grainState.RecordExists) =
            ((T)(object)new StoredBytes { Bytes = bytes }, ETag(record), true);
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var path = PathOf(stateName, grainId);
        var temporary = $"{path}.new"; // of one writer at a time; what a crash leaves is overwritten
        using var held = await LockAsync(path).ConfigureAwait(false);
        RequireOwner(path, grainId, grainState.ETag);
        var tag = new byte[ETagBytes];
        RandomNumberGenerator.Fill(tag);
        try
        {
            var file = new FileStream(temporary, Owners(FileMode.Create, FileAccess.Write, FileOptions.Asynchronous));
            await using (file.ConfigureAwait(false))
            {
                await file.WriteAsync(tag).ConfigureAwait(false);
                await file.WriteAsync(((StoredBytes)(object)grainState.State!).Bytes).ConfigureAwait(false);
                if (stateName != GridStorage.Checkpoints)
                {
                    await FlushAsync(file).ConfigureAwait(false);
                }
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
        (grainState.ETag, grainState.RecordExists) = (ETag(tag), true);
    }

    /// <summary>
    /// Before the file gets the record's name: else a power cut could leave the name with nothing behind it. Not of checkpoints, which
    /// would cost up to thirty times as much: a stream whose checkpoint is empty begins again as one without.
    /// </summary>
    private async Task FlushAsync(FileStream file)
    {
        await _flushes.WaitAsync().ConfigureAwait(false);
        try
        {
            file.Flush(flushToDisk: true);
        }
        finally
        {
            _flushes.Release();
        }
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var path = PathOf(stateName, grainId);
        using var held = await LockAsync(path).ConfigureAwait(false);
        RequireOwner(path, grainId, grainState.ETag);
        File.Delete(path);
        (grainState.ETag, grainState.RecordExists) = (null, false);
    }

    /// <exception cref="InvalidOperationException">The directory is another grid's.</exception>
    private void MakeDirectory()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(_directory);
        }
        else
        {
            Directory.CreateDirectory(_directory, OwnersFile | UnixFileMode.UserExecute);
        }
        var mark = Path.Combine(_directory, MarkFile);
        if (!File.Exists(mark))
        {
            var own = $"{mark}-{Guid.NewGuid():N}";
            using (var file = new FileStream(own, Owners(FileMode.CreateNew, FileAccess.Write)))
            {
                file.Write(Encoding.UTF8.GetBytes(_grid));
            }
            try
            {
                File.Move(own, mark); // whole or not at all, and only the first of several processes
            }
            catch (IOException) when (File.Exists(mark))
            {
                File.Delete(own);
            }
        }
        if (File.ReadAllText(mark) is var other && other != _grid)
        {
            throw new InvalidOperationException(
                $"the records there belong to the grid '{other}', and Grid:Name is '{_grid}'; each grid needs a directory of its own");
        }
    }

    private static FileStreamOptions Owners(FileMode mode, FileAccess access, FileOptions options = FileOptions.None)
    {
        var open = new FileStreamOptions { Mode = mode, Access = access, Share = FileShare.None, BufferSize = 0, Options = options };
        if (!OperatingSystem.IsWindows())
        {
            open.UnixCreateMode = OwnersFile;
        }
        return open;
    }

    private string PathOf(string stateName, GrainId grainId)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{stateName}/{grainId}"));
        return Path.Combine(_directory, Convert.ToHexStringLower(hash[..20]) + ".checkpoint");
    }

    /// <summary>
    /// Compare and replace must be one step, also for two processes: a lock file, whose handle the system closes with its process.
    /// </summary>
    private async Task<FileStream> LockAsync(string path)
    {
        var name = Path.Combine(_directory, $"lock-{Convert.FromHexString(Path.GetFileName(path)[..2])[0] % Locks:00}");
        for (var waited = TimeSpan.Zero; ; waited += TimeSpan.FromMilliseconds(LockPauseMilliseconds))
        {
            try
            {
                return new FileStream(name, Owners(FileMode.OpenOrCreate, FileAccess.ReadWrite));
            }
            catch (DirectoryNotFoundException) when (waited < LockPatience)
            {
                MakeDirectory();
            }
            catch (IOException) when (waited < LockPatience && File.Exists(name))
            {
                await Task.Delay(LockPauseMilliseconds).ConfigureAwait(false);
            }
        }
    }

    private static void RequireOwner(string path, GrainId grain, string? etag)
    {
        var tag = new byte[ETagBytes];
        string? stored = null;
        try
        {
            using var file = File.OpenHandle(path);
            stored = ETag(tag.AsSpan(0, RandomAccess.Read(file, tag, 0)));
        }
        catch (FileNotFoundException)
        {
        }
        if (stored != etag)
        {
            throw new InconsistentStateException($"The record of {grain} was written by another silo.", stored ?? "", etag ?? "");
        }
    }

    private static string ETag(ReadOnlySpan<byte> record) => record.Length < ETagBytes
        ? ""
        : BinaryPrimitives.ReadUInt64LittleEndian(record).ToString("x16", CultureInfo.InvariantCulture);
}
