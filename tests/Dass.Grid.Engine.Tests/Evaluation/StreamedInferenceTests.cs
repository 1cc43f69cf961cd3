using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation;

namespace Dass.Grid.Engine.Tests.Evaluation;

public sealed class StreamedInferenceTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("dass-inference-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task After_a_job_that_fails_no_other_begins()
    {
        var begun = 0;
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => StreamedInference.ForEachAsync(
            [.. Enumerable.Range(0, 10 * StreamedInference.Parallel)],
            async (item, _) =>
            {
                Interlocked.Increment(ref begun);
                await Task.Yield();
                return item == 3 ? throw new InvalidOperationException("the third") : await Task.FromResult(item);
            },
            progress: null,
            CancellationToken.None));
        Assert.Equal("the third", failure.Message);
        Assert.InRange(begun, 4, 5 * StreamedInference.Parallel);
    }

    [Fact]
    public async Task A_file_that_has_no_scores_is_named()
    {
        var short399 = await WriteAsync("short.wav", new float[399]);
        var refusal = await Assert.ThrowsAsync<AudioFormatException>(
            () => StreamedInference.DecodeAsync(short399, int.MaxValue, CancellationToken.None));
        Assert.Contains($"{short399}: the audio is shorter than 25 ms", refusal.Message, StringComparison.Ordinal);
        var long400 = await WriteAsync("long.wav", new float[400]);
        Assert.Equal(400, (await StreamedInference.DecodeAsync(long400, int.MaxValue, CancellationToken.None)).Length);
    }

    [Fact]
    public async Task A_file_whose_audio_is_refused_on_the_way_is_named()
    {
        var samples = new float[16_000];
        samples[12_345] = float.NaN;
        var broken = await WriteAsync("broken.wav", samples);
        await using var engine = await StreamEngine.StartAsync(new EngineOptions { MaxStreams = 1, Threads = 1 });
        var refusal = await Assert.ThrowsAsync<AudioFormatException>(() => StreamedInference.RunFileAsync(
            engine, broken, new StreamSessionOptions(), onChunk: null, CancellationToken.None));
        Assert.StartsWith(broken, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("12345", refusal.Message.Replace(",", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    /// <summary>16 kHz, mono, float.</summary>
    private async Task<string> WriteAsync(string name, float[] samples)
    {
        var path = Path.Combine(_directory, name);
        using var bytes = new MemoryStream();
        await using (var writer = new BinaryWriter(bytes))
        {
            writer.Write("RIFF"u8);
            writer.Write(36 + 4 * samples.Length);
            writer.Write("WAVEfmt "u8);
            writer.Write(16);
            writer.Write((short)3);
            writer.Write((short)1);
            writer.Write(16_000);
            writer.Write(64_000);
            writer.Write((short)4);
            writer.Write((short)32);
            writer.Write("data"u8);
            writer.Write(4 * samples.Length);
            foreach (var sample in samples)
            {
                writer.Write(sample);
            }
        }
        await File.WriteAllBytesAsync(path, bytes.ToArray());
        return path;
    }
}
