using System.CommandLine;
using Dass.Grid.Cli.Clips;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.Cli.Sources;
using Dass.Grid.Client;
using Dass.Grid.Engine.Audio;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using AudioFormat = Dass.Grid.Engine.Audio.AudioFormat;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass stream FILE|-</c>: feeds a grid through gRPC and shows its tags live.</summary>
internal static class StreamCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE")
        {
            Description = "Audio file; a pipe, or - for standard input, of WAV or raw samples with --rate; or a live source: an address of "
                + "rtsp, http (HLS, Icecast), rtmp, srt or udp, alsa:NAME or pulse:NAME.",
        }.RefusingOptions();
        var (grid, keyFile, format, top) =
            (Options.Grid("start one inside this process"), Options.KeyFile(), Options.Format(), Options.Top(3));
        var model = Options.GridModel();
        var id = new Option<string?>("--stream-id")
        {
            HelpName = "ID",
            Description = "The stream's id; one that is live is continued (default: the grid makes one).",
        };
        var realtime = new Option<bool>("--realtime") { Description = "Send at the speed of the audio." };
        var (raws, chunk, lookAhead, events) = (new RawOptions(), Options.Chunk(), Options.LookAhead(), new EventRuleOptions());
        var budget = Options.LatencyBudget();
        var eventLabels = Options.EventLabels();
        var finish = new Option<bool>("--finish")
        {
            Description = "The end of a pipe ends the stream, and it is read as fast as the grid takes it. Else a pipe to a --grid is a "
                + "live source: its end is a pause, and --stream-id goes on with it at the time of day.",
        };
        var captured = CaptureTimeOption.Create("now");
        var (live, hearing, clips) = (new LiveOptions(), new HeardOptions(), new ClipOptions());
        var command = new Command("stream", "Feeds audio to a grid through gRPC and shows its tags live.")
        {
            file, grid, keyFile, id, model, realtime, chunk, lookAhead, budget, top, format,
        };
        Array.ForEach(
            [.. raws.All, .. hearing.All, .. events.All, eventLabels, finish, captured, .. live.All, .. clips.All], command.Add);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (name, address) = (parsed.GetValue(file)!, parsed.GetValue(grid));
            var (raw, heard) = (raws.From(parsed), hearing.From(parsed));
            var config = new StreamConfig
            {
                StreamId = parsed.GetValue(id) ?? "",
                Model = address is null ? "" : parsed.GetValue(model) ?? "",
                Chunk = parsed.GetValue(chunk)?.ToDuration(),
                LookAhead = parsed.GetValue(lookAhead)?.ToDuration(),
                LatencyBudget = parsed.GetValue(budget)?.ToDuration(),
                Events = events.From(parsed),
                LabelEvents = { (parsed.GetValue(eventLabels) ?? []).Select(label => new LabelRule { Label = label }) },
                Filter = new TagFilter { Top = parsed.GetValue(top)!.Value },
                BeginAgain = true,
            };
            var kept = clips.From(parsed);
            async Task<GridConnection> ConnectAsync() => address is null
                ? await GridConnection.EmbedAsync(parsed.GetValue(model), cancellationToken).ConfigureAwait(false)
                : GridConnection.Open(address, parsed.GetValue(keyFile));
            Task CheckAsync(GridConnection connected) =>
                kept?.CheckAsync(connected.Client, parsed.GetValue(eventLabels) ?? [], cancellationToken) ?? Task.CompletedTask;
            (string Name, bool IsGiven)[] ofRecordings =
                [(captured.Name, parsed.GetValue(captured) is not null), (realtime.Name, parsed.GetValue(realtime))];
            if (SourceSpec.KindOf(name) is { } kind && !File.Exists(name))
            {
                RefuseLive(
                    "an address or device", [.. ofRecordings, (finish.Name, parsed.GetValue(finish)), ("--rate", raw is not null)]);
                SourceInput.RequireFfmpeg();
                await using var connected = await ConnectAsync().ConfigureAwait(false);
                await CheckAsync(connected).ConfigureAwait(false);
                await LiveAsync(
                    connected, config, parsed.GetValue(format), live.From(parsed), kept, name, kind, heard,
                    cancellationToken).ConfigureAwait(false);
                return Invocation.Success;
            }
            var pipe = await PipeStream.TryOpenAsync(name, cancellationToken).ConfigureAwait(false);
            var isLive = pipe is not null && address is not null && !parsed.GetValue(finish);
            if (kept is not null && !isLive)
            {
                throw new UsageException(
                    "--clips is for live sources: an address, a device, or a pipe to a --grid; a recording is kept already.");
            }
            if (isLive)
            {
                RefuseLive("a pipe to a --grid without --finish", ofRecordings);
            }
            if (pipe is not null && parsed.GetValue(captured) is { IsOfFile: true })
            {
                throw new UsageException(CaptureTimeOption.PipeRule);
            }
            Task<IAudioSource> OpenAsync(CancellationToken stop) =>
                pipe is null ? OpenFileAsync(name, raw, stop) : OpenPipeAsync(pipe, raw, stop);
            var source = await OpenAsync(cancellationToken).ConfigureAwait(false);
            if (isLive)
            {
                await using var connected = await ConnectAsync().ConfigureAwait(false);
                await CheckAsync(connected).ConfigureAwait(false);
                await PipeAsync(
                    connected, config, parsed.GetValue(format), live.From(parsed), kept, source, heard,
                    cancellationToken).ConfigureAwait(false);
                return Invocation.Success;
            }
            if (parsed.GetValue(captured) is { } time)
            {
                config.CaptureTime = (await time.OfAsync(name, source, OpenAsync, cancellationToken).ConfigureAwait(false)).ToTimestamp();
            }
            async Task<Stream> ReopenAsync(CancellationToken stop) =>
                new AudioSourceStream(source = await OpenAsync(stop).ConfigureAwait(false));
            await using var tape = new AudioTape(
                AudioSourceStream.WireFormat(heard.Of(source.Format)), new AudioSourceStream(source),
                pipe is null ? ReopenAsync : null,
                cancellationToken);
            await using var connection = await ConnectAsync().ConfigureAwait(false);
            try
            {
                await IStreamView.ShowAsync(
                    parsed.GetValue(format),
                    view => StreamFeeder.RunAsync(
                        connection.Client, tape, config, view, parsed.GetValue(realtime), TimeProvider.System,
                        cancellationToken)).ConfigureAwait(false);
            }
            finally
            {
                if (cancellationToken.IsCancellationRequested && address is not null && config.StreamId.Length > 0)
                {
                    Terminal.Note(
                        $"stream {config.StreamId} stays open on the grid for a while; --stream-id {config.StreamId} goes on with it.");
                }
            }
            if (source is WavReader { Truncated: true })
            {
                Terminal.Note($"{name} ends before its header says so; what is there has been tagged.");
            }
            return Invocation.Success;
        });
        return command;
    }

    /// <summary>An address or device, for ever.</summary>
    private static Task LiveAsync(
        GridConnection grid, StreamConfig config, OutputFormat format, LiveFeedOptions options, ClipRules? clips, string address,
        SourceKind kind, Heard heard, CancellationToken cancellationToken)
    {
        var spec = new SourceSpec { Id = Identified(config), Kind = kind, Address = address, Heard = heard };
        var status = new SourceStatus(spec, TimeProvider.System);
        return IStreamView.ShowAsync(
            format,
            view => new SourceRunner(spec, status, grid.Client, options, view)
            {
                Config = config, Clips = Keeper(clips, spec, grid, options, view),
            }.RunAsync(cancellationToken));
    }

    /// <summary>A pipe, until its end, which is a pause of the stream.</summary>
    private static async Task PipeAsync(
        GridConnection grid, StreamConfig config, OutputFormat format, LiveFeedOptions options, ClipRules? clips, IAudioSource source,
        Heard heard, CancellationToken cancellationToken)
    {
        var spec = new SourceSpec { Id = Identified(config), Kind = SourceKind.Pipe, Raw = source.Format, Heard = heard };
        var status = new SourceStatus(spec, TimeProvider.System);
        await IStreamView.ShowAsync(
            format,
            async view =>
            {
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                var keeper = Keeper(clips, spec, grid, options, view);
                using var feed = new SourceRunner(spec, status, grid.Client, options, view)
                {
                    Config = config, Clips = keeper,
                }.NewFeed(source.Format);
                var answering = SourceRunner.AnswerAsync(feed, status, view, keeper, TimeProvider.System, stop.Token);
                var reading = PipedInput.ReadAsync(
                    source, feed,
                    () => view.OnNote("the pipe comes faster than it plays, and is slowed down; --finish reads it as a recording."),
                    stop.Token);
                try
                {
                    await await Task.WhenAny(answering, reading).ConfigureAwait(false);
                    await answering.ConfigureAwait(false);
                }
                finally
                {
                    await stop.CancelAsync().ConfigureAwait(false);
                    await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    await answering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }).ConfigureAwait(false);
        Terminal.Note($"stream {config.StreamId} stays open on the grid; --stream-id {config.StreamId} goes on with it, --finish ends it.");
    }

    private static ClipKeeper? Keeper(
        ClipRules? clips, SourceSpec spec, GridConnection grid, LiveFeedOptions options, IStreamView view) =>
        clips is null ? null : new ClipKeeper(clips, spec.Id, grid.Client, options.Time, view.OnNote);

    private static string Identified(StreamConfig config) =>
        config.StreamId.Length > 0 ? config.StreamId : config.StreamId = Guid.NewGuid().ToString("N");

    /// <exception cref="UsageException">An option is given that a live source does not use.</exception>
    private static void RefuseLive(string source, IEnumerable<(string Name, bool IsGiven)> options)
    {
        if (options.FirstOrDefault(option => option.IsGiven) is { Name: { } given })
        {
            throw new UsageException($"{given} is for recordings; {source} is a live source, heard as it comes, and has no use for it.");
        }
    }

    private static async Task<IAudioSource> OpenFileAsync(string file, AudioFormat? raw, CancellationToken cancellationToken) =>
        raw is null
            ? await AudioFile.OpenAsync(file, cancellationToken).ConfigureAwait(false)
            : new RawAudioSource(File.OpenRead(file), raw);

    private static async Task<IAudioSource> OpenPipeAsync(PipeStream pipe, AudioFormat? raw, CancellationToken cancellationToken) =>
        raw is null
            ? await WavReader.OpenAsync(pipe, cancellationToken).ConfigureAwait(false)
            : new RawAudioSource(pipe, raw);
}
