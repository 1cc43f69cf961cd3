using System.Text.Json;
using Orleans.Storage;

namespace Dass.Grid.Grains.Storage;

/// <summary>One value of a grain as JSON in the grid's storage. Used on the grain's own scheduler only.</summary>
/// <param name="storage">The store.</param>
/// <param name="name">Of the state.</param>
/// <param name="grain">Whose it is.</param>
/// <param name="isOlder">Whether a value in the store is older than what the grain has; null: no value is.</param>
internal sealed class StoredJson<T>(IGrainStorage storage, string name, GrainId grain, Func<T, bool>? isOlder = null)
    where T : class
{
    private string? _etag;

    /// <summary>Whether the store has a record, as far as this knows. A power cut may have left it empty.</summary>
    public bool IsStored => _etag is not null;

    /// <returns>Null: there is none, or an empty one, which the next write replaces.</returns>
    public async Task<T?> ReadAsync()
    {
        var record = new GrainState<StoredBytes>(new StoredBytes());
        await storage.ReadStateAsync(name, grain, record);
        _etag = record.RecordExists ? record.ETag : null;
        if (!record.RecordExists || record.State is not { Bytes: { IsEmpty: false } bytes })
        {
            return null;
        }
        return JsonSerializer.Deserialize<T>(bytes.Span) ?? throw new JsonException($"The record '{name}' of {grain} is empty.");
    }

    /// <exception cref="InconsistentStateException">Another activation has written: this one must not answer any more.</exception>
    public async Task WriteAsync(T value)
    {
        var bytes = new StoredBytes { Bytes = JsonSerializer.SerializeToUtf8Bytes(value) };
        try
        {
            await WriteAsync(bytes);
        }
        catch (InconsistentStateException) when (_etag is not null)
        {
            await AdoptOlderAsync();
            await WriteAsync(bytes);
        }
    }

    public async Task ClearAsync()
    {
        if (_etag is { } known)
        {
            await storage.ClearStateAsync(name, grain, new GrainState<StoredBytes>(new StoredBytes(), known) { RecordExists = true });
            _etag = null;
        }
    }

    private async Task WriteAsync(StoredBytes bytes)
    {
        var record = new GrainState<StoredBytes>(bytes, _etag) { RecordExists = _etag is not null };
        await storage.WriteStateAsync(name, grain, record);
        _etag = record.ETag;
    }

    /// <summary>
    /// A store that has lost the record, or has been restored from an older copy, has not been written by another activation.
    /// </summary>
    private async Task AdoptOlderAsync()
    {
        var record = new GrainState<StoredBytes>(new StoredBytes());
        await storage.ReadStateAsync(name, grain, record);
        if (record.RecordExists && !IsOlder(record.State!.Bytes.Span))
        {
            throw new InconsistentStateException(
                $"The record '{name}' of {grain} was written by another activation.", record.ETag, _etag ?? "");
        }
        _etag = record.RecordExists ? record.ETag : null;
    }

    private bool IsOlder(ReadOnlySpan<byte> record) =>
        isOlder is not null && JsonSerializer.Deserialize<T>(record) is { } stored && isOlder(stored);
}
