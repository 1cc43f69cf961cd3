using System.Text.RegularExpressions;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Sources;

internal enum SourceKind
{
    Url,
    Device,
    Command,
    Pipe,
    Folder,
}

/// <summary>One source, as a file of sources or a command line says.</summary>
internal sealed partial record SourceSpec
{
    /// <summary>The stream's id; of a folder: what the ids of its recordings begin with.</summary>
    public required string Id { get; init; }

    public required SourceKind Kind { get; init; }

    /// <summary>An address, a device (alsa:hw:1, pulse:default), or the path of a pipe or folder; a command has none.</summary>
    public string Address { get; init; } = "";

    /// <summary>A program and its arguments, which writes audio to its standard output.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>What a command or pipe gives. Null: a command writes WAV.</summary>
    public AudioFormat? Raw { get; init; }

    /// <summary>Options of ffmpeg that go before its input.</summary>
    public IReadOnlyList<string> InputOptions { get; init; } = [];

    /// <summary>What of it is heard.</summary>
    public Heard Heard { get; init; }

    /// <summary>Empty: the grid's default.</summary>
    public string Model { get; init; } = "";

    public IReadOnlyList<string> EventLabels { get; init; } = [];

    /// <summary>A source that gives nothing for so long is begun again; zero: never.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Of a folder: which files are recordings.</summary>
    public string Pattern { get; init; } = "*";

    /// <summary>Of a folder: when its recordings were made. Null: they are heard now.</summary>
    public CaptureTime? CaptureTime { get; init; }

    /// <summary>Whether ffmpeg must be there.</summary>
    public bool NeedsFfmpeg => Kind is SourceKind.Url or SourceKind.Device;

    /// <summary>What a person may see of it: no password.</summary>
    public string Shown => Kind switch
    {
        SourceKind.Command => Command[0],
        SourceKind.Url => Query().Replace(UserInfo().Replace(Address, ""), "?…"),
        _ => Address,
    };

    /// <summary>What a program says of it, with no more of the address than a person may see.</summary>
    public string WithoutPassword(string said) =>
        Kind == SourceKind.Url ? UserInfo().Replace(said.Replace(Address, Shown, StringComparison.Ordinal), "") : said;

    /// <summary>A format of the source, with what of it is heard; ffmpeg has chosen the channel where it decodes.</summary>
    public AudioFormat HeardAs(AudioFormat format) => (NeedsFfmpeg ? Heard with { Channel = 0 } : Heard).Of(format);

    /// <summary>Compares what lists hold, too.</summary>
    public bool Equals(SourceSpec? other) =>
        other is not null && Id == other.Id && Kind == other.Kind && Address == other.Address && Raw == other.Raw
        && Heard == other.Heard && Model == other.Model && Stall == other.Stall && Pattern == other.Pattern
        && Equals(CaptureTime, other.CaptureTime) && Command.SequenceEqual(other.Command)
        && InputOptions.SequenceEqual(other.InputOptions) && EventLabels.SequenceEqual(other.EventLabels);

    public override int GetHashCode() => HashCode.Combine(Id, Kind, Address);

    /// <summary>A user and a password; those that are not escaped may hold anything, also what would end an address's authority.</summary>
    [GeneratedRegex("(?<=://)(?:[^/]*@|[^/@:]*:[^/@]*[^/@0-9][^@]*@)", RegexOptions.CultureInvariant)]
    private static partial Regex UserInfo();

    /// <summary>Cameras are asked with a password in it, too.</summary>
    [GeneratedRegex("[?].*", RegexOptions.CultureInvariant)]
    private static partial Regex Query();

    /// <summary>What an argument of a command line that is no file means: an address or a device. Null: neither.</summary>
    public static SourceKind? KindOf(string argument)
    {
        string[] devices = ["alsa:", "pulse:"], addresses = ["rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt", "udp", "rtp", "mms"];
        return devices.Any(device => argument.StartsWith(device, StringComparison.Ordinal)) ? SourceKind.Device
            : addresses.Any(scheme => argument.StartsWith(scheme + "://", StringComparison.OrdinalIgnoreCase)) ? SourceKind.Url
            : null;
    }
}
