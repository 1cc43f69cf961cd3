using System.ComponentModel;
using System.Diagnostics;

namespace Dass.Grid.Engine.Audio;

/// <summary>A file that the ffmpeg program decodes; its audio comes through a pipe as WAV, at the file's own rate and channels.</summary>
internal sealed class FfmpegSource : IAudioSource
{
    public const string Program = "ffmpeg";

    private const int MaxErrorCharacters = 2000;

    private readonly Process _process;
    private readonly string _path;
    private readonly Task<string> _errors;
    private WavReader? _wav;

    private FfmpegSource(Process process, string path)
    {
        _process = process;
        _path = path;
        _errors = LastOutput.OfAsync(process.StandardError, MaxErrorCharacters);
    }

    public AudioFormat Format => _wav!.Format;

    public long? TotalSamples => null;

    /// <param name="path">The file.</param>
    /// <param name="program">ffmpeg.</param>
    /// <param name="isReshaped">Whether it has a rate or channels that are not read: ffmpeg makes it 48 kHz mono then.</param>
    /// <param name="cancellationToken">Stops the start.</param>
    public static async Task<FfmpegSource> OpenAsync(string path, string program, bool isReshaped, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        // "file:" keeps a name with a colon or a leading hyphen from being taken for a protocol or an option.
        foreach (var argument in (ReadOnlySpan<string>)
            [
                "-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file", "-i", "file:" + path,
                "-vn", .. isReshaped ? (string[])["-ac", "1", "-ar", "48000"] : [], "-c:a", "pcm_f32le", "-f", "wav", "pipe:1",
            ])
        {
            start.ArgumentList.Add(argument);
        }
        FfmpegSource source;
        try
        {
            source = new FfmpegSource(Process.Start(start)!, path);
        }
        catch (Win32Exception exception)
        {
            throw new AudioFormatException(
                $"{path}: not a WAV file of a kind that is read without it, and '{program}', which would decode it, "
                + $"cannot be started ({exception.Message}). Install ffmpeg (e.g. apt-get install ffmpeg) or convert the file to WAV.");
        }
        try
        {
            source._process.StandardInput.Close();
            source._wav = await WavReader.OpenAsync(source._process.StandardOutput.BaseStream, cancellationToken).ConfigureAwait(false);
            return source;
        }
        catch (UnreadWavException) when (!isReshaped)
        {
            await source.DisposeAsync().ConfigureAwait(false);
            return await OpenAsync(path, program, isReshaped: true, cancellationToken).ConfigureAwait(false);
        }
        catch (AudioFormatException exception)
        {
            try
            {
                await source.CheckExitAsync(cancellationToken).ConfigureAwait(false); // ffmpeg's own words say more
            }
            finally
            {
                await source.DisposeAsync().ConfigureAwait(false);
            }
            throw new AudioFormatException($"{path}: {exception.Message}");
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var read = await _wav!.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        if (read == 0)
        {
            await CheckExitAsync(cancellationToken).ConfigureAwait(false);
        }
        return read;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
        await _process.WaitForExitAsync().ConfigureAwait(false);
        await _errors.ConfigureAwait(false);
        _process.Dispose();
    }

    private async Task CheckExitAsync(CancellationToken cancellationToken)
    {
        await _process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        if (_process.ExitCode != 0)
        {
            var errors = await _errors.ConfigureAwait(false);
            throw new AudioFormatException($"{_path}: ffmpeg cannot decode it (exit code {_process.ExitCode}): {errors.Trim()}");
        }
    }
}
