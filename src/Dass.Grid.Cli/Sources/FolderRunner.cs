using System.Globalization;
using System.IO.Enumeration;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.Client;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Cli.Sources;

/// <summary>
/// Feeds each recording that comes into a folder once, as a stream of its own that ends with it. What has been fed stands in a file in the
/// folder; a folder that cannot be written is fed anew by the next process.
/// </summary>
internal sealed class FolderRunner(SourceSpec spec, SourceStatus status, GridClient grid, LiveFeedOptions options)
{
    private const string Ledger = ".dass-fed";
    private const int MaxIdCharacters = 128;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);

    private readonly HashSet<string> _fed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _seen = new(StringComparer.Ordinal); // by file: as it was at the last look
    private bool _isWritable = true;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var note = "";
        var ledger = Path.Combine(spec.Address, Ledger);
        while (true)
        {
            try
            {
                if (_fed.Count == 0 && File.Exists(ledger))
                {
                    _fed.UnionWith(await File.ReadAllLinesAsync(ledger, cancellationToken).ConfigureAwait(false));
                }
                foreach (var file in Ready())
                {
                    note = await FeedAsync(file, cancellationToken).ConfigureAwait(false);
                    Remember(ledger, Mark(file));
                }
                status.OnIdle(note);
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
            if (file.Name.StartsWith('.') || !FileSystemName.MatchesSimpleExpression(spec.Pattern, file.Name) || _fed.Contains(Mark(file)))
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

    private static string Mark(FileInfo file) =>
        string.Create(CultureInfo.InvariantCulture, $"{file.LastWriteTimeUtc.Ticks} {file.Length} {file.Name}");

    private void Remember(string ledger, string mark)
    {
        _fed.Add(mark);
        try
        {
            if (_isWritable)
            {
                File.AppendAllText(ledger, mark + "\n");
            }
        }
        catch (Exception readOnly) when (readOnly is IOException or UnauthorizedAccessException)
        {
            _isWritable = false;
        }
    }

    /// <returns>What a person should know of the recording.</returns>
    private async Task<string> FeedAsync(FileInfo file, CancellationToken cancellationToken)
    {
        status.OnBusy();
        try
        {
            var source = await AudioFile.OpenAsync(file.FullName, cancellationToken).ConfigureAwait(false);
            var length = source.TotalSamples is { } samples ? TimeSpan.FromSeconds((double)samples / source.Format.SampleRateHz)
                : default(TimeSpan?);
            await using var tape = new AudioTape(
                AudioSourceStream.WireFormat(spec.HeardAs(source.Format)), new AudioSourceStream(source),
                async stop => new AudioSourceStream(await AudioFile.OpenAsync(file.FullName, stop).ConfigureAwait(false)),
                cancellationToken);
            var config = new StreamConfig
            {
                StreamId = IdOf(file.Name),
                Model = spec.Model,
                BeginAgain = true,
                CaptureTime = (spec.CaptureTime?.Of(file.FullName, length))?.ToTimestamp(),
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

    /// <summary>The source's id and the file's name, as far as they fit and are allowed.</summary>
    private string IdOf(string name)
    {
        var plain = new string(
            [.. name.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '~' or '-' ? letter : '_')]);
        var id = $"{spec.Id}-{plain}";
        return id.Length <= MaxIdCharacters ? id : id[..MaxIdCharacters];
    }
}
