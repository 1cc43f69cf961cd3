using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Recordings;

/// <summary>Opens a recording: a file, or what comes through standard input.</summary>
internal static class RecordingInput
{
    /// <param name="path">A file, or <see cref="RecordingFinder.StandardInput"/>.</param>
    /// <param name="raw">What raw samples are. Null: the audio says so itself.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="IOException">There is no such file.</exception>
    /// <exception cref="Dass.Grid.Engine.AudioFormatException">The audio is damaged, or cannot be decoded.</exception>
    public static async Task<IAudioSource> OpenAsync(string path, AudioFormat? raw, CancellationToken cancellationToken)
    {
        if (path != RecordingFinder.StandardInput)
        {
            return raw is null
                ? await AudioFile.OpenAsync(path, cancellationToken).ConfigureAwait(false)
                : new RawAudioSource(File.OpenRead(path), raw);
        }
        var input = Console.OpenStandardInput();
        if (raw is not null)
        {
            return new RawAudioSource(input, raw);
        }
        // ffmpeg seeks in most formats: what is no WAV becomes a file first.
        var start = new byte[4];
        var read = await input.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return read < start.Length || start.AsSpan(0, 2) is [(byte)'R', (byte)'I' or (byte)'F'] or [(byte)'B', (byte)'W']
            ? await WavReader.OpenAsync(new ReadAgain(start.AsMemory(0, read), input), cancellationToken).ConfigureAwait(false)
            : await SpooledAudio.OpenAsync(start, input, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A decoded file that is deleted when it has been read.</summary>
    private sealed class SpooledAudio(IAudioSource source, string file) : IAudioSource
    {
        public AudioFormat Format => source.Format;

        public long? TotalSamples => source.TotalSamples;

        public static async Task<SpooledAudio> OpenAsync(byte[] start, Stream input, CancellationToken cancellationToken)
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
                    await to.WriteAsync(start, cancellationToken).ConfigureAwait(false);
                    await input.CopyToAsync(to, cancellationToken).ConfigureAwait(false);
                }
                return new SpooledAudio(await AudioFile.OpenAsync(file, cancellationToken).ConfigureAwait(false), file);
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

    /// <summary>A stream of which the first bytes have been read already.</summary>
    private sealed class ReadAgain(ReadOnlyMemory<byte> start, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _start = start;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_start.IsEmpty)
            {
                return await rest.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
            var read = Math.Min(buffer.Length, _start.Length);
            _start[..read].CopyTo(buffer);
            _start = _start[read..];
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }
    }
}
