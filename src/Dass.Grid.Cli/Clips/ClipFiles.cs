using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Evaluation.Plots;

namespace Dass.Grid.Cli.Clips;

/// <summary>Clips in a folder: FLAC where there is ffmpeg, else WAV; a picture beside each; the oldest go.</summary>
internal sealed class ClipFiles(ClipRules rules, TimeProvider clock)
{
    private const string Mark = ".clip."; // by which files are known that may be deleted

    /// <summary>Makes the folder, and says at once what would else be said at the first clip.</summary>
    /// <exception cref="UsageException">It cannot be written.</exception>
    public static void Prepare(string folder)
    {
        try
        {
            var trial = Path.Combine(MakeFolder(folder), Path.GetRandomFileName());
            File.WriteAllBytes(trial, []);
            File.Delete(trial);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--clips is '{folder}'; clips cannot be written there: {refused.Message}");
        }
    }

    /// <returns>The clip's file.</returns>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public async Task<string> WriteAsync(
        string stream, DateTimeOffset begin, string eventId, string label, AudioFormat format, byte[] audio, PlottedEvent sound)
    {
        MakeFolder(rules.Folder);
        var folder = MakeFolder(Path.Combine(rules.Folder, stream));
        var word = string.Concat(label.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-'));
        var name = string.Create(
            CultureInfo.InvariantCulture, $"{begin.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}_{word}_{eventId}{Mark}");
        var wav = Path.Combine(folder, name + "wav");
        await File.WriteAllBytesAsync(wav, [.. Header(format, audio.Length), .. audio]).ConfigureAwait(false);
        var picture = new SoundPicture(format);
        picture.Add(audio);
        picture.Save(Path.Combine(folder, name + "png"), $"{stream}  {label}  {begin.UtcDateTime:u}", [sound]);
        var file = await TryCompressAsync(wav, Path.Combine(folder, name + "flac")).ConfigureAwait(false);
        Forget();
        return file;
    }

    /// <summary>Deletes what is too old, and the oldest of what is too much.</summary>
    public void Forget()
    {
        var now = clock.GetUtcNow().UtcDateTime;
        var held = 0L;
        var files = new DirectoryInfo(rules.Folder).EnumerateFiles($"*{Mark}*", SearchOption.AllDirectories)
            .OrderByDescending(file => file.LastWriteTimeUtc);
        foreach (var file in files.ToArray())
        {
            held += file.Length;
            if (now - file.LastWriteTimeUtc > rules.Age || held > rules.MaxBytes)
            {
                file.Delete();
            }
        }
    }

    /// <summary>Clips are private: a folder that is made is open to the feeder's account alone.</summary>
    private static string MakeFolder(string path) =>
        (OperatingSystem.IsWindows()
            ? Directory.CreateDirectory(path)
            : Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute)).FullName;

    private static async Task<string> TryCompressAsync(string wav, string flac)
    {
        try
        {
            using var ffmpeg = Process.Start(new ProcessStartInfo(
                "ffmpeg", ["-nostdin", "-v", "error", "-y", "-i", wav, "-c:a", "flac", flac]) { RedirectStandardError = true })!;
            await ffmpeg.StandardError.ReadToEndAsync().ConfigureAwait(false);
            await ffmpeg.WaitForExitAsync().ConfigureAwait(false);
            if (ffmpeg.ExitCode == 0)
            {
                File.Delete(wav);
                return flac;
            }
            File.Delete(flac);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // There is no ffmpeg: WAV it is.
        }
        return wav;
    }

    private static byte[] Header(AudioFormat format, int bytes)
    {
        var header = new byte[44];
        void Text(int at, string text) => Encoding.ASCII.GetBytes(text).CopyTo(header, at);
        void Number(int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(at), value);
        void Short(int at, int value) => BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(at), (short)value);
        Text(0, "RIFF");
        Number(4, 36 + bytes);
        Text(8, "WAVEfmt ");
        Number(16, 16);
        Short(20, format.Encoding switch { SampleEncoding.Float32 => 3, SampleEncoding.ALaw => 6, SampleEncoding.MuLaw => 7, _ => 1 });
        Short(22, format.Channels);
        Number(24, format.SampleRateHz);
        Number(28, format.SampleRateHz * format.BytesPerFrame);
        Short(32, format.BytesPerFrame);
        Short(34, 8 * format.BytesPerSample);
        Text(36, "data");
        Number(40, bytes);
        return header;
    }
}
