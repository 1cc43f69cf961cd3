using System.Globalization;
using System.IO.Enumeration;
using System.Security.Cryptography;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.Client;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Encoding = System.Text.Encoding;

namespace Dass.Grid.Cli.Sources;

/// <summary>
/// Feeds each recording that comes into a folder once, as a stream of its own that ends with it. What has been fed stands in a file in the
/// folder, so that each card brings its own with it; a folder that cannot be written is fed anew by the next process. A recording that
/// cannot be read holds up no other one.
/// </summary>
internal sealed class FolderRunner(SourceSpec spec, SourceStatus status, GridClient grid, LiveFeedOptions options)
{
    private const string Ledger = ".dass-fed";
    private const int MaxIdCharacters = 128;
    private const int HashCharacters = 8;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly HashSet<string> _fed = new(StringComparer.Ordinal); // by the folder's own file at the last look, and _unwritten
    private readonly HashSet<string> _unwritten = new(StringComparer.Ordinal); // fed by this process, and in no file
    private readonly HashSet<string> _invalid = new(StringComparer.Ordinal); // what this process does not offer the grid again
    private readonly Dictionary<string, string> _seen = new(StringComparer.Ordinal); // by file: as it was at the last look

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var note = "";
        var ledger = Path.Combine(spec.Address, Ledger);
        while (true)
        {
            try
            {
                // At each look, since another card may have come between two.
                var written = await WrittenAsync(ledger, cancellationToken).ConfigureAwait(false);
                _fed.Clear();
                _fed.UnionWith(written.Concat(_unwritten));
                var unread = "";
                foreach (var file in Ready())
                {
                    try
                    {
                        note = await FeedPatientlyAsync(file, cancellationToken).ConfigureAwait(false);
                        if (!_invalid.Contains(Mark(file)))
                        {
                            Remember(ledger, Mark(file));
                        }
                    }
                    catch (Exception broken) when (broken is IOException or UnauthorizedAccessException)
                    {
                        unread = $"{file.Name}: {broken.Message}"; // and is tried again with the next look
                    }
                }
                status.OnIdle(unread.Length > 0 ? unread : note);
            }
            catch (Exception away) when (away is IOException or UnauthorizedAccessException)
            {
                status.OnClosed(away.Message); // the card is out
            }
            await Task.Delay(Look, options.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Recordings that are new and no longer grow, oldest first.</summary>
    private List<FileInfo> Ready()
    {
        var ready = new List<FileInfo>();
        foreach (var file in new DirectoryInfo(spec.Address).EnumerateFiles().OrderBy(file => file.LastWriteTimeUtc))
        {
            if (file.Name.StartsWith('.') || !FileSystemName.MatchesSimpleExpression(spec.Pattern, file.Name) || _fed.Contains(Mark(file))
                || _invalid.Contains(Mark(file)))
            {
                continue;
            }
            if (_seen.TryGetValue(file.Name, out var before) && before == Mark(file))
            {
                ready.Add(file);
            }
            _seen[file.Name] = Mark(file);
        }
        return ready;
    }

    /// <summary>By what a recording is known again: one line.</summary>
    private static string Mark(FileInfo file) =>
        string.Create(
            CultureInfo.InvariantCulture, $"{file.LastWriteTimeUtc.Ticks} {file.Length} {file.Name.ReplaceLineEndings(" ")}");

    /// <summary>Marks of what has been fed, by the folder's own file.</summary>
    private static async Task<string[]> WrittenAsync(string ledger, CancellationToken cancellationToken)
    {
        try
        {
            return await File.ReadAllLinesAsync(ledger, cancellationToken).ConfigureAwait(false);
        }
        catch (FileNotFoundException)
        {
            return []; // the folder is there
        }
    }

    private void Remember(string ledger, string mark)
    {
        try
        {
            File.AppendAllText(ledger, mark + "\n");
        }
        catch (Exception readOnly) when (readOnly is IOException or UnauthorizedAccessException)
        {
            _unwritten.Add(mark);
        }
    }

    /// <summary>A grid that has no room is asked again until it has; what it finds invalid is left for the next process.</summary>
    /// <returns>What a person should know of the recording.</returns>
    private async Task<string> FeedPatientlyAsync(FileInfo file, CancellationToken cancellationToken)
    {
        var (since, pause) = (options.Time.GetTimestamp(), FirstPause);
        while (true)
        {
            try
            {
                return await FeedAsync(file, cancellationToken).ConfigureAwait(false);
            }
            catch (RpcException no) when (no.StatusCode == StatusCode.InvalidArgument)
            {
                _invalid.Add(Mark(file));
                return $"{file.Name} is not fed: {Invocation.Spoken(no.Status.Detail)}";
            }
            catch (RpcException no) when (
                !cancellationToken.IsCancellationRequested && no.StatusCode != StatusCode.Unavailable
                && (options.GiveUpAfter == Timeout.InfiniteTimeSpan || options.Time.GetElapsedTime(since) < options.GiveUpAfter))
            {
                status.OnRefused($"{file.Name}: the grid answers {no.StatusCode}: {Invocation.Spoken(no.Status.Detail)}");
            }
            await Task.Delay(pause * (0.75 + Random.Shared.NextDouble() / 2), options.Time, cancellationToken).ConfigureAwait(false);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <returns>What a person should know of the recording.</returns>
    private async Task<string> FeedAsync(FileInfo file, CancellationToken cancellationToken)
    {
        status.OnBusy();
        try
        {
            Task<IAudioSource> OpenAsync(CancellationToken stop) => AudioFile.OpenAsync(file.FullName, stop);
            var source = await OpenAsync(cancellationToken).ConfigureAwait(false);
            await using var tape = new AudioTape(
                AudioSourceStream.WireFormat(spec.HeardAs(source.Format)), new AudioSourceStream(source),
                async stop => new AudioSourceStream(await OpenAsync(stop).ConfigureAwait(false)), cancellationToken);
            var captured = spec.CaptureTime is { } time
                ? (await time.OfAsync(file.FullName, source, OpenAsync, cancellationToken).ConfigureAwait(false)).ToTimestamp()
                : null;
            var config = new StreamConfig
            {
                StreamId = IdOf(spec.Id, file.Name),
                Model = spec.Model,
                BeginAgain = true,
                CaptureTime = captured,
                LabelEvents = { spec.EventLabels.Select(label => new LabelRule { Label = label }) },
                Filter = new TagFilter { Top = 3 },
            };
            var feed = new StreamFeed(grid, tape, config, new StreamFeedOptions
            {
                Reconnect = new ReconnectOptions
                {
                    GiveUpAfter = options.GiveUpAfter, Time = options.Time,
                    Interrupted = broken => status.OnGridAway((broken as RpcException)?.Status.Detail ?? broken.Message),
                },
            });
            await foreach (var answer in feed.RunAsync(cancellationToken).ConfigureAwait(false))
            {
                if (answer.Tags is { } tags)
                {
                    status.OnAudio(null);
                    status.OnTags(LineView.List(tags.WindowScores), delay: null);
                }
            }
            return $"{file.Name} is done.";
        }
        catch (Exception broken) when (broken is AudioFormatException or FormatException)
        {
            return broken.Message; // by another try it would be the same
        }
    }

    /// <summary>
    /// The source's id and the file's name. Letters that no id has are replaced, and what is too long is cut; a hash of the whole tells it
    /// from others that would look alike then.
    /// </summary>
    internal static string IdOf(string source, string name)
    {
        var whole = $"{source}-{name}";
        var plain = new string(
            [.. whole.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '~' or '-' ? letter : '_')]);
        if (plain == whole && plain.Length <= MaxIdCharacters)
        {
            return plain;
        }
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(whole)))[..HashCharacters];
        return $"{plain[..Math.Min(plain.Length, MaxIdCharacters - HashCharacters - 1)]}-{hash}";
    }
}
