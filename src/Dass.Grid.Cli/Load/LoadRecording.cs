using System.Runtime.InteropServices;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Load;

/// <summary>Audio in memory that any number of streams play, again and again until a length is reached.</summary>
internal sealed class LoadRecording
{
    /// <summary>Longer files are cut: they would have to be in memory.</summary>
    public const int MaxHeldSeconds = 600;

    private const int NoiseSampleRateHz = 16_000;
    private const int NoiseSeconds = 10;
    private const int NoisePeak = 3_000; // of 32,767

    private readonly byte[] _audio; // whole frames, at least one
    private readonly AudioFormat _format;
    private readonly long _samples;

    private LoadRecording(byte[] audio, AudioFormat format, int seconds) =>
        (_audio, _format, _samples) = (audio, format, (long)seconds * format.SampleRateHz);

    /// <summary>White noise, the same in every run.</summary>
    /// <param name="seconds">Length that is played, seconds.</param>
    public static LoadRecording Noise(int seconds)
    {
        var random = new Random(20_240_702);
        var samples = new short[NoiseSampleRateHz * NoiseSeconds];
        foreach (ref var sample in samples.AsSpan())
        {
            sample = (short)random.Next(-NoisePeak, NoisePeak + 1);
        }
        return new LoadRecording(
            MemoryMarshal.AsBytes(samples.AsSpan()).ToArray(), new AudioFormat(SampleEncoding.Pcm16, NoiseSampleRateHz, 1), seconds);
    }

    /// <param name="file">Its first <see cref="MaxHeldSeconds"/> are played.</param>
    /// <param name="seconds">Length that is played, seconds.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="IOException">The file holds no audio, or cannot be read.</exception>
    public static async Task<LoadRecording> OpenAsync(string file, int seconds, CancellationToken cancellationToken)
    {
        await using var source = await AudioFile.OpenAsync(file, cancellationToken).ConfigureAwait(false);
        var most = (long)Math.Min(seconds, MaxHeldSeconds) * source.Format.SampleRateHz * source.Format.BytesPerFrame;
        using var audio = new MemoryStream();
        var buffer = new byte[source.Format.SampleRateHz * source.Format.BytesPerFrame];
        int read;
        while (audio.Length < most && (read = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            audio.Write(buffer, 0, (int)Math.Min(read, most - audio.Length));
        }
        return audio.Length > 0
            ? new LoadRecording(audio.ToArray(), source.Format, seconds)
            : throw new IOException($"--file {file} holds no audio.");
    }

    /// <summary>The recording from its beginning.</summary>
    public IAudioSource Play() => new Player(this);

    private sealed class Player(LoadRecording recording) : IAudioSource
    {
        private long _position; // bytes

        public AudioFormat Format => recording._format;

        public long? TotalSamples => recording._samples;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            var rest = recording._samples * Format.BytesPerFrame - _position;
            var from = (int)(_position % recording._audio.Length);
            var read = (int)Math.Min(
                Math.Min(buffer.Length / Format.BytesPerFrame * Format.BytesPerFrame, rest), recording._audio.Length - from);
            recording._audio.AsMemory(from, read).CopyTo(buffer);
            _position += read;
            return new(read);
        }

        public ValueTask DisposeAsync() => default;
    }
}
