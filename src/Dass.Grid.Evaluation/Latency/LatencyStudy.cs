using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Tags;

namespace Dass.Grid.Evaluation.Latency;

/// <summary>One way to hear a stream.</summary>
/// <param name="Precision">How products are computed: fp32 or int8.</param>
/// <param name="Way">offline (all of a file at once), stream or window (the last 10.24 s again at every hop).</param>
/// <param name="ChunkSeconds">Committed audio per step; the hop of a window.</param>
/// <param name="LookAheadSeconds">Context after it.</param>
/// <param name="DelaySeconds">From the begin of a chunk to the end of the audio that its tags need.</param>
/// <param name="CostMilliseconds">Processor time per second of audio, features included, in batches of up to eight.</param>
/// <param name="Map">
/// Mean average precision. A file's score is offline's one; of streams and windows alike the mean over hops of the trailing window's
/// (10.24 s).
/// </param>
/// <param name="Loss">How much less than offline.</param>
public sealed record LatencyRow(
    string Precision,
    string Way,
    double ChunkSeconds,
    double LookAheadSeconds,
    double DelaySeconds,
    double CostMilliseconds,
    double Map,
    double Loss)
{
    /// <summary>Live streams that a core carries.</summary>
    public double StreamsPerCore => 1_000 / CostMilliseconds;
}

/// <summary>What latency costs, in accuracy and in processor time.</summary>
public static class LatencyStudy
{
    private const int SampleRateHz = 16_000;
    private const int WindowSamples = 163_840;

    /// <summary>Offline first, then every pair of chunk and look-ahead, then windows at the hop of every chunk.</summary>
    public static async IAsyncEnumerable<LatencyRow> RunAsync(
        StreamEngine engine,
        EvaluationSet data,
        IReadOnlyList<TimeSpan> chunks,
        IReadOnlyList<TimeSpan> lookAheads,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var clips = new List<float[]>();
        foreach (var file in data.Files)
        {
            clips.Add(await StreamedInference.DecodeAsync(file.Path, int.MaxValue, cancellationToken).ConfigureAwait(false));
        }
        var precision = engine.Model.IsQuantized ? "int8" : "fp32";
        var seconds = clips.Sum(clip => (double)clip.Length) / SampleRateHz;
        IReadOnlySet<int>[] truth = [.. data.Files.Select(file => file.Labels)];

        var offline = await MeasureAsync(clip => OfflineAsync(engine, clip, 0, clip.Length, cancellationToken)).ConfigureAwait(false);
        yield return new LatencyRow(precision, "offline", double.NaN, double.NaN, double.NaN, offline.Cost, offline.Map, 0);
        foreach (var chunk in chunks)
        {
            foreach (var lookAhead in lookAheads)
            {
                var options = new StreamSessionOptions { Chunk = chunk, LookAhead = lookAhead };
                var (cost, map) = await MeasureAsync(clip => StreamAsync(engine, clip, options, cancellationToken)).ConfigureAwait(false);
                yield return new LatencyRow(
                    precision, "stream", chunk.TotalSeconds, lookAhead.TotalSeconds, (chunk + lookAhead).TotalSeconds, cost, map,
                    offline.Map - map);
            }
        }
        foreach (var hop in chunks)
        {
            var (cost, map) = await MeasureAsync(clip => WindowsAsync(engine, clip, hop, cancellationToken)).ConfigureAwait(false);
            yield return new LatencyRow(precision, "window", hop.TotalSeconds, 0, hop.TotalSeconds, cost, map, offline.Map - map);
        }

        async Task<(double Cost, double Map)> MeasureAsync(Func<float[], Task<float[]>> run)
        {
            // Once for nothing: code is compiled and buffers of this way's shapes are made on first use.
            await StreamedInference.ForEachAsync(
                [.. clips.Take(StreamedInference.Parallel)],
                (clip, _) => run(clip),
                progress: null,
                cancellationToken).ConfigureAwait(false);
            var before = Environment.CpuUsage.TotalTime;
            var scores = await StreamedInference.ForEachAsync(
                clips, (clip, _) => run(clip), progress: null, cancellationToken).ConfigureAwait(false);
            var spent = Environment.CpuUsage.TotalTime - before;
            return (spent.TotalMilliseconds / seconds, TagReport.From(scores, truth, engine.Model.Labels).Map);
        }
    }

    /// <summary>Mean over the chunks of the scores of the window that ends with each.</summary>
    internal static async Task<float[]> StreamAsync(
        StreamEngine engine, float[] clip, StreamSessionOptions options, CancellationToken cancellationToken)
    {
        var (mean, chunks) = (new float[engine.Model.Labels.Count], 0);
        await using var source = new ClipSource(clip, 0, clip.Length);
        await StreamedInference.RunAsync(
            engine, source, options, chunk => Average(chunk.WindowScores, mean, ++chunks), cancellationToken).ConfigureAwait(false);
        return mean;
    }

    /// <summary>
    /// What a user without state would do: the published model on the last 10.24 s, again at every hop; the mean over hops.
    /// </summary>
    internal static async Task<float[]> WindowsAsync(StreamEngine engine, float[] clip, TimeSpan hop, CancellationToken cancellationToken)
    {
        var (mean, windows, end) = (new float[engine.Model.Labels.Count], 0, 0);
        while (end < clip.Length)
        {
            end = (int)Math.Min(end + (long)(hop.TotalSeconds * SampleRateHz), clip.Length);
            var scores = await OfflineAsync(engine, clip, Math.Max(0, end - WindowSamples), end, cancellationToken).ConfigureAwait(false);
            Average(scores, mean, ++windows);
        }
        return mean;
    }

    private static async Task<float[]> OfflineAsync(
        StreamEngine engine, float[] clip, int begin, int end, CancellationToken cancellationToken)
    {
        await using var source = new ClipSource(clip, begin, end);
        var options = new StreamSessionOptions { Offline = true };
        return (await StreamedInference.RunAsync(engine, source, options, onChunk: null, cancellationToken).ConfigureAwait(false)).Mean;
    }

    /// <param name="scores">The latest of those that are averaged.</param>
    /// <param name="mean">Of those before; then of all.</param>
    /// <param name="count">How many they are, 1 or more.</param>
    private static void Average(float[] scores, float[] mean, int count)
    {
        for (var label = 0; label < mean.Length; label++)
        {
            mean[label] += (scores[label] - mean[label]) / count;
        }
    }

    /// <summary>A part of decoded samples.</summary>
    private sealed class ClipSource(float[] samples, int begin, int end) : IAudioSource
    {
        private int _read;

        public AudioFormat Format { get; } = new(SampleEncoding.Float32, SampleRateHz, 1);

        public long? TotalSamples => end - begin;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            var count = Math.Min(buffer.Length / sizeof(float), end - begin - _read);
            System.Runtime.InteropServices.MemoryMarshal.AsBytes(samples.AsSpan(begin + _read, count)).CopyTo(buffer.Span);
            _read += count;
            return ValueTask.FromResult(count * sizeof(float));
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
