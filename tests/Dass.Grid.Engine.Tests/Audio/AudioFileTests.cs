using System.Diagnostics;
using System.Globalization;
using System.Text;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Tests;

namespace Dass.Grid.Engine.Tests.Audio;

public sealed class AudioFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("dass-audio-").FullName;

    [Fact]
    public async Task A_wav_file_is_read_without_ffmpeg()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "fixtures", "babble.wav");
        await using var source = await AudioFile.OpenAsync(path, "no-such-program", CancellationToken.None);
        Assert.Equal(new AudioFormat(SampleEncoding.Pcm16, 16_000, 1), source.Format);
        Assert.Equal(240_960, source.TotalSamples);
        Assert.Equal(240_960, await Count(source));
    }

    [Fact]
    public async Task Another_format_without_ffmpeg_says_what_to_install()
    {
        var path = Write("clip.ogg", "OggS and so on"u8);
        var refusal = await Assert.ThrowsAsync<AudioFormatException>(
            () => AudioFile.OpenAsync(path, "no-such-program", CancellationToken.None));
        Assert.Contains(path, refusal.Message);
        Assert.Contains("Install ffmpeg", refusal.Message);
    }

    [Fact]
    public async Task Missing_and_empty_files_are_named()
    {
        var missing = Path.Combine(_directory, "missing.wav");
        Assert.Contains(
            missing, (await Assert.ThrowsAsync<FileNotFoundException>(() => AudioFile.OpenAsync(missing, CancellationToken.None))).Message);
        var empty = Write("empty.wav", []);
        Assert.Contains(
            "empty", (await Assert.ThrowsAsync<AudioFormatException>(() => AudioFile.OpenAsync(empty, CancellationToken.None))).Message);
    }

    [Theory]
    [InlineData("RIFF\u0010\0\0\0AVI LIST", "Install ffmpeg")]
    [InlineData("BW64\u0010\0\0\0data", "Install ffmpeg")]
    [InlineData("RIFF\u0010\0\0\0WAVE", "ends before the 'fmt ' chunk")]
    [InlineData("RIFF\u0010\0", "ends before the RIFF header")]
    public async Task Riff_is_read_as_wav_when_it_says_wave(string content, string reason)
    {
        var path = Write("clip", Encoding.Latin1.GetBytes(content));
        var refusal = await Assert.ThrowsAsync<AudioFormatException>(
            () => AudioFile.OpenAsync(path, "no-such-program", CancellationToken.None));
        Assert.Contains(path, refusal.Message);
        Assert.Contains(reason, refusal.Message);
    }

    [FfmpegFact]
    public async Task Ffmpeg_decodes_other_formats_at_their_own_rate_and_hostile_names_are_only_names()
    {
        var flac = Path.Combine(_directory, "-i http:x.flac");
        var babble = Path.Combine(AppContext.BaseDirectory, "fixtures", "babble.wav");
        using (var encode = Process.Start("ffmpeg", ["-loglevel", "error", "-i", babble, "-ar", "22050", "-ac", "2", "file:" + flac]))
        {
            await encode.WaitForExitAsync();
            Assert.Equal(0, encode.ExitCode);
        }
        await using var source = await AudioFile.OpenAsync(flac, CancellationToken.None);
        Assert.Equal(new AudioFormat(SampleEncoding.Float32, 22_050, 2), source.Format);
        Assert.InRange(await Count(source), 332_000, 332_100);
    }

    [FfmpegFact]
    public async Task Ffmpeg_reads_the_kinds_of_wav_and_riff_that_are_not_read_here()
    {
        var babble = Path.Combine(AppContext.BaseDirectory, "fixtures", "babble.wav");
        foreach (var (name, arguments, format) in ((string, string[], AudioFormat)[])
            [
                ("ima.wav", ["-c:a", "adpcm_ima_wav"], new AudioFormat(SampleEncoding.Float32, 16_000, 1)),
                ("ms.wav", ["-c:a", "adpcm_ms"], new AudioFormat(SampleEncoding.Float32, 16_000, 1)),
                ("bats.wav", ["-ar", "384000"], new AudioFormat(SampleEncoding.Float32, 48_000, 1)),
                ("video.avi", ["-c:a", "pcm_s16le"], new AudioFormat(SampleEncoding.Float32, 16_000, 1)),
                ("bats.flac", ["-ar", "384000"], new AudioFormat(SampleEncoding.Float32, 48_000, 1)),
            ])
        {
            var path = Path.Combine(_directory, name);
            using (var encode = Process.Start("ffmpeg", ["-loglevel", "error", "-i", babble, .. arguments, path]))
            {
                await encode.WaitForExitAsync();
                Assert.Equal(0, encode.ExitCode);
            }
            await using var source = await AudioFile.OpenAsync(path, CancellationToken.None);
            Assert.Equal(format, source.Format);
            Assert.InRange(await Count(source) / (double)format.SampleRateHz, 15.0, 15.2);
        }
    }

    [FfmpegFact]
    public async Task A_file_that_ffmpeg_cannot_decode_brings_ffmpegs_own_words()
    {
        var path = Write("noise.mp3", "this is no audio at all"u8);
        var refusal = await Assert.ThrowsAsync<AudioFormatException>(() => AudioFile.OpenAsync(path, CancellationToken.None));
        Assert.Contains("exit code", refusal.Message);
        Assert.Contains("Invalid", refusal.Message);
    }

    [Fact]
    public async Task A_start_that_is_cancelled_leaves_no_process_behind()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        var (path, file) = (Write("noise.mp3", "this is no audio at all"u8), Path.Combine(_directory, "pid"));
        var program = Write("ffmpeg", Encoding.UTF8.GetBytes($"#!/bin/sh\necho $$ > '{file}'\necho this is no WAV\nexec sleep 600\n"));
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1)); // its output is refused by then, and its end awaited
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => AudioFile.OpenAsync(path, program, soon.Token));
        var id = int.Parse(await File.ReadAllTextAsync(file), CultureInfo.InvariantCulture);
        Assert.Throws<ArgumentException>(() => Process.GetProcessById(id));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string Write(string name, ReadOnlySpan<byte> content)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private static async Task<long> Count(IAudioSource source)
    {
        var (buffer, bytes, read) = (new byte[10_000], 0L, 0);
        while ((read = await source.ReadAsync(buffer, CancellationToken.None)) > 0)
        {
            bytes += read;
        }
        return bytes / source.Format.BytesPerFrame;
    }
}

/// <summary>Needs the ffmpeg program.</summary>
public sealed class FfmpegFactAttribute() : NeedsFactAttribute("ffmpeg", "ffmpeg");
