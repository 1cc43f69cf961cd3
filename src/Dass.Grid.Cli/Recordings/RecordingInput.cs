using Dass.Grid.Cli.Sources;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Recordings;

/// <summary>Opens a recording: a file, or what comes through a pipe.</summary>
internal static class RecordingInput
{
    /// <param name="path">A file, a named pipe, or <see cref="RecordingFinder.StandardInput"/>.</param>
    /// <param name="raw">What raw samples are. Null: the audio says so itself.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="IOException">There is no such file.</exception>
    /// <exception cref="AudioFormatException">The audio is damaged, or cannot be decoded.</exception>
    public static async Task<IAudioSource> OpenAsync(string path, AudioFormat? raw, CancellationToken cancellationToken)
    {
        if (await PipeStream.TryOpenAsync(path, cancellationToken).ConfigureAwait(false) is not { } pipe)
        {
            return raw is null
                ? await AudioFile.OpenAsync(path, cancellationToken).ConfigureAwait(false)
                : new RawAudioSource(File.OpenRead(path), raw);
        }
        if (raw is not null)
        {
            return new RawAudioSource(pipe, raw);
        }
        try
        {
            // ffmpeg seeks in most formats: what is no WAV becomes a file first.
            var start = await pipe.PeekAsync(WavReader.StartBytes, cancellationToken).ConfigureAwait(false);
            return start.IsEmpty || WavReader.IsWav(start.Span)
                ? await WavReader.OpenAsync(pipe, cancellationToken).ConfigureAwait(false)
                : await SpooledAudio.OpenAsync(path, pipe, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await pipe.DisposeAsync().ConfigureAwait(false); // its writer waits for a reader
            throw;
        }
    }

    /// <summary>A decoded file that is deleted when it has been read.</summary>
    private sealed class SpooledAudio(IAudioSource source, string file) : IAudioSource
    {
        public AudioFormat Format => source.Format;

        public long? TotalSamples => source.TotalSamples;

        public static async Task<SpooledAudio> OpenAsync(string name, PipeStream input, CancellationToken cancellationToken)
        {
            var file = Path.Combine(Path.GetTempPath(), $"dass-{Guid.NewGuid():N}");
            try
            {
                var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
                if (!OperatingSystem.IsWindows())
                {
                    options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
                }
                await using (var to = new FileStream(file, options))
                {
                    await input.CopyToAsync(to, cancellationToken).ConfigureAwait(false);
                }
                await input.DisposeAsync().ConfigureAwait(false);
                return new SpooledAudio(await AudioFile.OpenAsync(file, cancellationToken).ConfigureAwait(false), file);
            }
            catch (AudioFormatException broken)
            {
                File.Delete(file);
                throw new AudioFormatException(broken.Message.Replace(file, name, StringComparison.Ordinal));
            }
            catch
            {
                File.Delete(file);
                throw;
            }
        }

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
            source.ReadAsync(buffer, cancellationToken);

        public async ValueTask DisposeAsync()
        {
            await source.DisposeAsync().ConfigureAwait(false);
            File.Delete(file);
        }
    }
}
