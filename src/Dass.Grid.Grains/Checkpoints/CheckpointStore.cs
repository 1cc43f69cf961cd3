using System.Diagnostics;
using Dass.Grid.Engine;
using Dass.Grid.Grains.Storage;
using Orleans.Storage;

namespace Dass.Grid.Grains.Checkpoints;

/// <summary>One stream's record in the store: one write at a time, each with the proof that no other silo has written since.</summary>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class CheckpointStore(IGrainStorage storage, GrainId grain, GrainsInstruments instruments, StreamGauge gauge)
{
    private const string StateName = GridStorage.Checkpoints;
    private const int MaxDoubts = 16;

    // Writes without an answer, by checksum: each may have been the last that took effect.
    private readonly List<(byte[] Checksum, long Sample)> _doubts = [];

    private Task<bool> _writing = Task.FromResult(true);

    /// <summary>What the store knows the last record by; null: there is none. It moves with the stream.</summary>
    public string? ETag { get; set; }

    /// <summary>Raised by every activation that takes the stream from the store.</summary>
    public long Epoch { get; set; }

    /// <summary>Audio before this position will not be needed again.</summary>
    public long DurableSample { get; set; }

    public bool IsWriting => !_writing.IsCompleted;

    /// <summary>Completes when no write is under way.</summary>
    public async Task IdleAsync() =>
        await ((Task)_writing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

    /// <returns>The stream's checkpoint, or null when the store has none.</returns>
    /// <exception cref="SnapshotException">There is one that cannot be used. The next <see cref="SaveAsync"/> replaces it.</exception>
    public async Task<Checkpoint?> LoadAsync()
    {
        var record = new GrainState<StoredBytes>(new StoredBytes());
        await storage.ReadStateAsync(StateName, grain, record);
        ETag = record.RecordExists ? record.ETag : null;
        _doubts.Clear();
        if (!record.RecordExists || record.State is not { Bytes.IsEmpty: false } state)
        {
            return null;
        }
        var checkpoint = Checkpoint.Read(state.Bytes.Span);
        (Epoch, DurableSample) = (checkpoint.Epoch, checkpoint.NextSample);
        return checkpoint;
    }

    /// <summary>
    /// Writes a checkpoint, whose bytes are made before this returns. While another write is under way, that one is awaited instead.
    /// </summary>
    /// <param name="checkpoint">What is written.</param>
    /// <param name="state">Writes the states that go along; null of an ended stream.</param>
    /// <param name="onSaved">Called when the store has this very checkpoint, before anything else of the stream goes on.</param>
    /// <param name="onFailure">Called when it could not be written.</param>
    /// <returns>False when the store could not be written; the stream goes on without.</returns>
    /// <exception cref="InconsistentStateException">Another silo has written: this activation no longer owns the stream.</exception>
    public Task<bool> SaveAsync(Checkpoint checkpoint, CheckpointState? state, Action onSaved, Action<Exception> onFailure)
    {
        if (IsWriting)
        {
            return _writing;
        }
        var bytes = new PooledBytes();
        try
        {
            checkpoint.WriteTo(bytes, state);
            return _writing = WriteAsync(bytes, checkpoint.NextSample, onSaved, onFailure);
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    public async Task DeleteAsync()
    {
        if (ETag is { } known)
        {
            var record = new GrainState<StoredBytes>(new StoredBytes(), known) { RecordExists = true };
            await storage.ClearStateAsync(StateName, grain, record);
            ETag = null;
        }
    }

    private async Task<bool> WriteAsync(PooledBytes bytes, long sample, Action onSaved, Action<Exception> onFailure)
    {
        var (began, tried) = (Stopwatch.GetTimestamp(), false);
        using var activity = Activity.Current is null ? null : GrainsInstruments.Activities.StartActivity("dass.checkpoint");
        using (bytes)
        {
            var record = new GrainState<StoredBytes>(new StoredBytes { Bytes = bytes.Written });
            try
            {
                await ResolveAsync();
                tried = true;
                try
                {
                    await WriteRecordAsync(record);
                }
                catch (InconsistentStateException) when (_doubts.Count == 0)
                {
                    await AdoptOlderAsync();
                    await WriteRecordAsync(record);
                }
            }
            catch (Exception failure) when (failure is not InconsistentStateException || (tried && _doubts.Count > 0))
            {
                if (tried && failure is not InconsistentStateException)
                {
                    _doubts.Add((Checkpoint.ChecksumOf(bytes.Written.Span).ToArray(), sample));
                    _doubts.RemoveRange(0, Math.Max(0, _doubts.Count - MaxDoubts));
                }
                activity?.SetStatus(ActivityStatusCode.Error, failure.Message);
                instruments.OnCheckpointFailed(Stopwatch.GetElapsedTime(began));
                onFailure(failure);
                return false;
            }
            (ETag, DurableSample) = (record.ETag, sample);
            _doubts.Clear(); // they were written with an ETag that is no longer valid: none can take effect any more
            onSaved();
            gauge.OnSaved(by: began);
            instruments.OnCheckpoint(Stopwatch.GetElapsedTime(began));
            return true;
        }
    }

    private Task WriteRecordAsync(GrainState<StoredBytes> record)
    {
        (record.ETag, record.RecordExists) = (ETag, ETag is not null);
        return storage.WriteStateAsync(StateName, grain, record);
    }

    /// <summary>
    /// A store that has lost the record, or has been restored from an older copy, has not been written by another silo, which would have
    /// raised the epoch: what this activation holds is newer.
    /// </summary>
    /// <exception cref="InconsistentStateException">The record is newer: it is another silo's.</exception>
    private async Task AdoptOlderAsync()
    {
        var record = new GrainState<StoredBytes>(new StoredBytes());
        await storage.ReadStateAsync(StateName, grain, record);
        if (record.RecordExists && !IsOlder(record.State!.Bytes.Span))
        {
            throw NotOwner(record.ETag);
        }
        ETag = record.RecordExists ? record.ETag : null;
        Epoch++; // an activation that has begun from the older record writes no more
    }

    private bool IsOlder(ReadOnlySpan<byte> record)
    {
        try
        {
            var stored = Checkpoint.Read(record);
            return stored.Epoch < Epoch || (stored.Epoch == Epoch && stored.NextSample <= DurableSample);
        }
        catch (SnapshotException)
        {
            return false; // another silo may have written it in a layout that this one does not read
        }
    }

    private InconsistentStateException NotOwner(string? stored) =>
        new($"The checkpoint of {grain} was written by another silo.", stored ?? "", ETag ?? "");

    /// <summary>
    /// A write whose answer was lost may have taken effect: then the record is this activation's own, under an ETag that it does not know.
    /// </summary>
    /// <exception cref="InconsistentStateException">The record is another silo's.</exception>
    private async Task ResolveAsync()
    {
        if (_doubts.Count == 0)
        {
            return;
        }
        var record = new GrainState<StoredBytes>(new StoredBytes());
        await storage.ReadStateAsync(StateName, grain, record);
        var etag = record.RecordExists ? record.ETag : null;
        if (etag == ETag)
        {
            return;
        }
        var checksum = record.RecordExists ? Checkpoint.ChecksumOf(record.State!.Bytes.Span).ToArray() : [];
        if (!_doubts.Exists(doubt => doubt.Checksum.AsSpan().SequenceEqual(checksum)))
        {
            throw NotOwner(etag);
        }
        (ETag, DurableSample) = (etag, _doubts.Find(doubt => doubt.Checksum.AsSpan().SequenceEqual(checksum)).Sample);
        _doubts.Clear();
    }
}
