using System.Buffers;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Evaluation;

/// <summary>Runs audio through an engine, several recordings at once so that its batches fill.</summary>
public static class StreamedInference
{
    private const int PieceBytes = 1 << 18;
    private const int Batch = 8;

    /// <summary>An engine for evaluation: every core, as many streams as run at once.</summary>
    public static Task<StreamEngine> StartAsync(
        string? modelDirectory, StepPrecision precision, CancellationToken cancellationToken) =>
        StreamEngine.StartAsync(
            new EngineOptions
            {
                ModelDirectory = modelDirectory,
                Precision = precision,
                MaxStreams = Parallel,
                MaxOfflineAudio = TimeSpan.FromHours(4),
                Batcher = new StepBatcherOptions { MaxBatch = Batch, MaxCatchUpBatch = Batch }, // no live stream waits
            },
            cancellationToken);

    /// <summary>Recordings that run at the same time: enough for full batches on every core.</summary>
    public static int Parallel { get; } = Math.Clamp(Batch * Environment.ProcessorCount, Batch, 64);

    /// <summary>Runs a whole source through a stream.</summary>
    /// <param name="engine">Runs it.</param>
    /// <param name="source">Read to its end; not disposed.</param>
    /// <param name="options">Chunk and look-ahead, or offline.</param>
    /// <param name="onChunk">Called with each chunk in order, or null.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<StreamSummary> RunAsync(
        StreamEngine engine, IAudioSource source, StreamSessionOptions options, Action<ChunkScores>? onChunk,
        CancellationToken cancellationToken)
    {
        using var session = engine.Open(source.Format, options);
        var (piece, chunks) = (new byte[PieceBytes], new List<ChunkScores>());
        int read;
        while ((read = await source.ReadAsync(piece, cancellationToken).ConfigureAwait(false)) > 0)
        {
            await session.PushAsync(piece.AsMemory(0, read), chunks, cancellationToken).ConfigureAwait(false);
            Deliver();
        }
        await session.CompleteAsync(chunks, cancellationToken).ConfigureAwait(false);
        Deliver();
        return session.Summary();

        void Deliver()
        {
            if (onChunk is not null)
            {
                chunks.ForEach(onChunk);
            }
            chunks.Clear();
        }
    }

    /// <summary>Runs a file through a stream.</summary>
    /// <exception cref="AudioFormatException">The file is damaged or cannot be decoded.</exception>
    public static async Task<StreamSummary> RunFileAsync(
        StreamEngine engine, string path, StreamSessionOptions options, Action<ChunkScores>? onChunk, CancellationToken cancellationToken)
    {
        try
        {
            await using var source = await AudioFile.OpenAsync(path, cancellationToken).ConfigureAwait(false);
            return await RunAsync(engine, source, options, onChunk, cancellationToken).ConfigureAwait(false);
        }
        catch (AudioFormatException broken) when (!broken.Message.Contains(path, StringComparison.Ordinal))
        {
            throw new AudioFormatException($"{path}: {broken.Message}");
        }
    }

    /// <summary>A whole file as 16 kHz mono samples, -1 to 1, up to <paramref name="maxSamples"/>.</summary>
    /// <exception cref="AudioFormatException">The file is damaged, cannot be decoded, or has less audio than has scores.</exception>
    public static async Task<float[]> DecodeAsync(string path, int maxSamples, CancellationToken cancellationToken)
    {
        await using var source = await AudioFile.OpenAsync(path, cancellationToken).ConfigureAwait(false);
        var intake = new AudioIntake(source.Format);
        var (piece, samples) = (new byte[PieceBytes], new ArrayBufferWriter<float>());
        int read;
        while (samples.WrittenCount < maxSamples && (read = await source.ReadAsync(piece, cancellationToken).ConfigureAwait(false)) > 0)
        {
            intake.Push(piece.AsSpan(0, read), samples);
        }
        intake.Flush(samples);
        return samples.WrittenCount >= LogMel.FrameSamples
            ? samples.WrittenSpan[..Math.Min(maxSamples, samples.WrittenCount)].ToArray()
            : throw TooShort(path);
    }

    /// <summary>Of a file without scores, which no figure can be made of.</summary>
    internal static AudioFormatException TooShort(string path) =>
        new($"{path}: the audio is shorter than 25 ms and has no scores; it must be longer, or be left out of the data.");

    /// <summary>Runs one job per item, <see cref="Parallel"/> at a time; results in the order of the items.</summary>
    internal static async Task<TResult[]> ForEachAsync<T, TResult>(
        IReadOnlyList<T> items, Func<T, int, Task<TResult>> job, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        using var room = Room();
        var done = 0;
        return await ForEachAsync(
            items,
            async (item, index) =>
            {
                var result = await job(item, index).ConfigureAwait(false);
                progress?.Report((double)Interlocked.Increment(ref done) / items.Count);
                return result;
            },
            room,
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Room for <see cref="Parallel"/> recordings, for several calls to share; they begin in the order in which they came.
    /// </summary>
    internal static SemaphoreSlim Room() => new(Parallel);

    /// <summary>Runs one job per item, as many at a time as there is room; results in the order of the items.</summary>
    /// <remarks>Ends when every job that has begun has ended; after one that fails no other begins.</remarks>
    internal static async Task<TResult[]> ForEachAsync<T, TResult>(
        IReadOnlyList<T> items, Func<T, int, Task<TResult>> job, SemaphoreSlim room, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        return await Task.WhenAll(items.Select(async (item, index) =>
        {
            await room.WaitAsync(stop.Token).ConfigureAwait(false);
            try
            {
                stop.Token.ThrowIfCancellationRequested(); // room may come in the moment of the failure
                return await job(item, index).ConfigureAwait(false);
            }
            catch
            {
                await stop.CancelAsync().ConfigureAwait(false);
                throw;
            }
            finally
            {
                room.Release();
            }
        })).ConfigureAwait(false);
    }
}
