using System.Diagnostics;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Tags;

namespace Dass.Grid.Evaluation.Latency;

/// <summary>One way to hear a stream.</summary>
/// <param name="Way">stream, offline (all of a file at once) or window (the last 10.24 s again at every hop).</param>
/// <param name="ChunkSeconds">Committed audio per step; the hop of a window.</param>
/// <param name="LookAheadSeconds">Context after it.</param>
/// <param name="DelaySeconds">From the begin of a chunk to the end of the audio that its tags need.</param>
/// <param name="CostMilliseconds">Processor time per second of audio.</param>
/// <param name="Map">Mean average precision of the files' means.</param>
/// <param name="Loss">How much less than offline.</param>
public sealed record LatencyRow(string Way, double ChunkSeconds, double LookAheadSeconds, double DelaySeconds, double CostMilliseconds, double Map, double Loss);

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
            clips.Add(await Listening.DecodeAsync(file.Path, int.MaxValue, cancellationToken).ConfigureAwait(false));
        }
        var seconds = clips.Sum(clip => (double)clip.Length) / SampleRateHz;
        IReadOnlySet<int>[] truth = [.. data.Files.Select(file => file.Labels)];

        var offline = await MeasureAsync(clip => HearAsync(clip, 0, clip.Length, new StreamSessionOptions { Offline = true })).ConfigureAwait(false);
        yield return new LatencyRow("offline", double.NaN, double.NaN, double.NaN, offline.Cost, offline.Map, 0);
        foreach (var chunk in chunks)
        {
            foreach (var lookAhead in lookAheads)
            {
                var options = new StreamSessionOptions { Chunk = chunk, LookAhead = lookAhead };
                var (cost, map) = await MeasureAsync(clip => HearAsync(clip, 0, clip.Length, options)).ConfigureAwait(false);
                yield return new LatencyRow(
                    "stream", chunk.TotalSeconds, lookAhead.TotalSeconds, (chunk + lookAhead).TotalSeconds, cost, map, offline.Map - map);
            }
        }
        foreach (var hop in chunks)
        {
            var (cost, map) = await MeasureAsync(clip => WindowsAsync(clip, (int)(hop.TotalSeconds * SampleRateHz))).ConfigureAwait(false);
            yield return new LatencyRow("window", hop.TotalSeconds, 0, hop.TotalSeconds, cost, map, offline.Map - map);
        }

        async Task<(double Cost, double Map)> MeasureAsync(Func<float[], Task<float[]>> hear)
        {
            var before = Environment.CpuUsage.TotalTime;
            var scores = await Listening.ForEachAsync(clips, (clip, _) => hear(clip), progress: null, cancellationToken).ConfigureAwait(false);
            var spent = Environment.CpuUsage.TotalTime - before;
            return (spent.TotalMilliseconds / seconds, TagReport.Of(scores, truth, engine.Model.Labels).Map);
        }

        async Task<float[]> HearAsync(float[] clip, int begin, int end, StreamSessionOptions options)
        {
            await using var source = new ClipSource(clip, begin, end);
            return (await Listening.HearAsync(engine, source, options, heard: null, cancellationToken).ConfigureAwait(false)).Mean;
        }

        // What a user without state would do: the published model on the last 10.24 s, again at every hop.
        async Task<float[]> WindowsAsync(float[] clip, int hop)
        {
            var mean = new float[engine.Model.Labels.Count];
            var windows = 0;
            for (var end = Math.Min(hop, clip.Length); ; end = Math.Min(end + hop, clip.Length), windows++)
            {
                var scores = await HearAsync(clip, Math.Max(0, end - WindowSamples), end, new StreamSessionOptions { Offline = true }).ConfigureAwait(false);
                for (var label = 0; label < mean.Length; label++)
                {
                    mean[label] += (scores[label] - mean[label]) / (windows + 1);
                }
                if (end == clip.Length)
                {
                    return mean;
                }
            }
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
