using System.ComponentModel;
using System.Diagnostics;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Sources;

/// <summary>The audio of a source as one child process gives it, until that ends.</summary>
internal sealed class SourceInput : IAsyncDisposable
{
    private const string Ffmpeg = "ffmpeg";
    private const int MaxErrorCharacters = 500;

    /// <summary>
    /// Runs a program that ends with its feeder. One that writes is ended by the pipe that nothing reads; one that waits, as ffmpeg for a
    /// camera, would keep its port for ever. The feeder holds the other end of the shell's standard input, which closes however the
    /// feeder dies. (A signal at the parent's death goes by threads, and those of a pool come and go.)
    /// </summary>
    private const string Watched = """
        command -v "$1" >/dev/null 2>&1 || { echo "'$1' cannot be started: there is no such program." >&2; exit 127; }
        exec 3<&0 </dev/null
        "$@" 3<&- &
        program=$!
        { read -r _ <&3; kill -9 $program; } >/dev/null 2>&1 &
        wait $program
        code=$?
        kill $! 2>/dev/null
        exit $code
        """;

    /// <summary>What ffmpeg makes of every address and device.</summary>
    private static readonly AudioFormat Decoded = new(SampleEncoding.Pcm16, 16_000, 1);

    private readonly Process _process;
    private readonly string _program;
    private readonly SourceSpec _spec;
    private readonly Task<string> _errors;

    private SourceInput(Process process, string program, SourceSpec spec, Stream audio, AudioFormat format)
    {
        (_process, _program, _spec, Audio, Format) = (process, program, spec, audio, format);
        _errors = LastOutput.OfAsync(process.StandardError, MaxErrorCharacters);
    }

    /// <summary>Raw samples; ends when the process does.</summary>
    public Stream Audio { get; }

    public AudioFormat Format { get; }

    /// <summary>What a source gives, if that is known before it is opened. Null: a WAV header says.</summary>
    public static AudioFormat? FormatOf(SourceSpec spec) => spec.NeedsFfmpeg ? Decoded : spec.Raw;

    /// <exception cref="IOException">There is no ffmpeg.</exception>
    public static void RequireFfmpeg()
    {
        try
        {
            using var ffmpeg = Process.Start(Info(Ffmpeg, ["-version"]))!;
            ffmpeg.StandardInput.Close();
            ffmpeg.StandardOutput.ReadToEnd();
            ffmpeg.WaitForExit();
        }
        catch (Win32Exception missing)
        {
            throw new IOException(
                $"'{Ffmpeg}', which decodes addresses and devices, cannot be started ({missing.Message}). "
                + "Install ffmpeg (e.g. apt-get install ffmpeg).");
        }
    }

    /// <exception cref="IOException">The program cannot be started, or gives no WAV header.</exception>
    public static async Task<SourceInput> OpenAsync(SourceSpec spec, CancellationToken cancellationToken)
    {
        var (program, arguments) = spec.Kind switch
        {
            SourceKind.Command => (spec.Command[0], spec.Command.Skip(1)),
            SourceKind.Pipe => ("cat", (string[])["--", spec.Address]), // a child can be ended while it waits for a writer
            _ => (Ffmpeg, FfmpegArguments(spec)),
        };
        Process process;
        try
        {
            process = OperatingSystem.IsWindows()
                ? Process.Start(Info(program, arguments))!
                : Process.Start(Info("/bin/sh", ["-c", Watched, "sh", program, .. arguments]))!;
        }
        catch (Win32Exception missing)
        {
            throw new IOException($"'{program}' cannot be started: {missing.Message}.");
        }
        if (OperatingSystem.IsWindows())
        {
            process.StandardInput.Close();
        }
        if (FormatOf(spec) is { } format)
        {
            return new SourceInput(process, program, spec, process.StandardOutput.BaseStream, format);
        }
        var input = new SourceInput(process, program, spec, process.StandardOutput.BaseStream, Decoded);
        try
        {
            var wav = await WavReader.OpenAsync(input.Audio, cancellationToken).ConfigureAwait(false);
            return new SourceInput(process, program, spec, new Grid.AudioSourceStream(wav), wav.Format);
        }
        catch (Exception broken) when (broken is AudioFormatException or OperationCanceledException)
        {
            await input.DisposeAsync().ConfigureAwait(false);
            throw broken is AudioFormatException
                ? new IOException($"'{program}' gives no WAV: {broken.Message} For raw samples the source needs a rate.")
                : broken;
        }
    }

    /// <summary>Why the process has ended.</summary>
    public async Task<string> WhyEndedAsync()
    {
        await EndAsync().ConfigureAwait(false);
        var errors = (await _errors.ConfigureAwait(false)).Trim();
        var last = _spec.WithoutPassword(errors[(errors.LastIndexOf('\n') + 1)..]);
        return last.Length > 0 ? last : $"{_program} ended with exit code {_process.ExitCode}.";
    }

    /// <summary>Ends a process that gives nothing.</summary>
    public void Kill()
    {
        try
        {
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
            }
        }
        catch (Exception gone) when (gone is InvalidOperationException or Win32Exception)
        {
            // It has ended meanwhile.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync().ConfigureAwait(false);
        await _errors.ConfigureAwait(false);
        _process.Dispose();
    }

    /// <summary>
    /// Also what the shell leaves behind: after Ctrl-C in a terminal it is gone, and its program, which ignores that, holds the pipes.
    /// </summary>
    private async Task EndAsync()
    {
        Kill();
        _process.StandardInput.Close();
        await _process.WaitForExitAsync().ConfigureAwait(false);
    }

    private static IEnumerable<string> FfmpegArguments(SourceSpec spec)
    {
        List<string> arguments = ["-nostdin", "-hide_banner", "-loglevel", "error"];
        if (spec.Kind == SourceKind.Device)
        {
            var colon = spec.Address.IndexOf(':', StringComparison.Ordinal);
            arguments.AddRange(["-f", spec.Address[..colon], .. spec.InputOptions, "-i", spec.Address[(colon + 1)..]]);
        }
        else
        {
            var scheme = spec.Address[..spec.Address.IndexOf(':', StringComparison.Ordinal)].ToLowerInvariant();
            string[] patience = scheme switch // microseconds; what hangs for longer is begun again by the stall time in any case
            {
                "rtsp" or "rtsps" => ["-rtsp_transport", "tcp", "-timeout", "15000000", "-fflags", "nobuffer"],
                "http" or "https" => ["-rw_timeout", "15000000"],
                _ => [],
            };
            arguments.AddRange([.. patience, .. spec.InputOptions, "-i", spec.Address]);
        }
        arguments.AddRange(["-vn", "-sn", "-dn"]);
        arguments.AddRange(spec.Heard.Channel is > 0 and var channel ? ["-af", $"pan=mono|c0=c{channel - 1}"] : ["-ac", "1"]);
        arguments.AddRange(["-ar", $"{Decoded.SampleRateHz}", "-f", "s16le", "-flush_packets", "1", "pipe:1"]);
        return arguments;
    }

    private static ProcessStartInfo Info(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        return start;
    }
}
