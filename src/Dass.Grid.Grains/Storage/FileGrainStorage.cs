using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Orleans.Storage;

namespace Dass.Grid.Grains.Storage;

/// <summary>
/// Records as files of one directory, which several processes of a machine may share. A record is replaced as a whole: a full disk or a
/// crash leaves the one before. Its name is a hash of the grain's key, its first eight bytes are its ETag.
/// </summary>
public sealed class FileGrainStorage : IGrainStorage
{
    private const int ETagBytes = sizeof(long);
    private const int Locks = 64;
    private const int LockPauseMilliseconds = 5;
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(5);

    private readonly string _directory;

    /// <param name="directory">Is made when it is missing.</param>
    public FileGrainStorage(string directory)
    {
        _directory = Directory.CreateDirectory(directory).FullName;
    }

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        byte[] record;
        try
        {
            record = await File.ReadAllBytesAsync(PathOf(stateName, grainId)).ConfigureAwait(false);
        }
        catch (FileNotFoundException)
        {
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
            var file = new FileStream(
                temporary, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
            await using (file.ConfigureAwait(false))
            {
                await file.WriteAsync(tag).ConfigureAwait(false);
                await file.WriteAsync(((StoredBytes)(object)grainState.State!).Bytes).ConfigureAwait(false);
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

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var path = PathOf(stateName, grainId);
        using var held = await LockAsync(path).ConfigureAwait(false);
        RequireOwner(path, grainId, grainState.ETag);
        File.Delete(path);
        (grainState.ETag, grainState.RecordExists) = (null, false);
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
                return new FileStream(name, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
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
