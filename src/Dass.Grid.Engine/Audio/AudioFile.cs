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
            if (!file.CanSeek)
            {
                throw new AudioFormatException($"{path}: this is a pipe, which can be read only once; it must be a file.");
            }
            var start = new byte[WavReader.StartBytes];
            var read = await file.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                throw new AudioFormatException($"{path}: the file is empty.");
            }
            file.Position = 0;
            if (WavReader.IsWav(start.AsSpan(0, read)))
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
