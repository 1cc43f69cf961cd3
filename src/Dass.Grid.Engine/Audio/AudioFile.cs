namespace Dass.Grid.Engine.Audio;

/// <summary>Opens any audio or video file: WAV by itself, everything else through ffmpeg when that is installed.</summary>
public static class AudioFile
{
    /// <param name="path">A file that exists.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="AudioFormatException">The file is empty or damaged, or ffmpeg is needed and missing or fails.</exception>
    public static async Task<IAudioSource> OpenAsync(string path, CancellationToken cancellationToken) =>
        await OpenAsync(path, FfmpegSource.Program, cancellationToken).ConfigureAwait(false);

    internal static async Task<IAudioSource> OpenAsync(string path, string ffmpeg, CancellationToken cancellationToken)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{path}: there is no such file.", path);
        }
        var reshaped = false;
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 64 << 10, useAsync: true);
        try
        {
            var start = new byte[12];
            var read = await file.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                throw new AudioFormatException($"{path}: the file is empty.");
            }
            file.Position = 0;
            if (start.AsSpan(0, Math.Min(read, 4)) is
                [(byte)'R', (byte)'I' or (byte)'F', (byte)'F' or (byte)'6', (byte)'F' or (byte)'X' or (byte)'4']
                or [(byte)'B', (byte)'W', (byte)'6', (byte)'4'])
            {
                return await WavReader.OpenAsync(file, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (UnreadWavException foreign)
        {
            reshaped = foreign.IsReshaped;
        }
        catch (AudioFormatException exception) when (!exception.Message.StartsWith(path, StringComparison.Ordinal))
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw new AudioFormatException($"{path}: {exception.Message}");
        }
        catch
        {
            await file.DisposeAsync().ConfigureAwait(false);
            throw;
        }
        await file.DisposeAsync().ConfigureAwait(false);
        return await FfmpegSource.OpenAsync(path, ffmpeg, reshaped, cancellationToken).ConfigureAwait(false);
    }
}
