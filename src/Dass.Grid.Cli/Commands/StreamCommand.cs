using System.CommandLine;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.Client;
using Dass.Grid.Engine.Audio;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using AudioFormat = Dass.Grid.Engine.Audio.AudioFormat;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass stream FILE|-</c>: feeds a grid through gRPC and shows its tags live.</summary>
internal static class StreamCommand
{
    private const string StandardInput = "-";

    public static Command Create()
    {
        var file = new Argument<string>("FILE")
        {
            Description = "Audio file, or - for standard input: a WAV pipe, or raw samples with --rate.",
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
        var rate = Options.Whole(
            "--rate", "FILE holds raw samples of this rate in Hz,", AudioFormat.MinSampleRateHz, AudioFormat.MaxSampleRateHz, absent: null);
        var channels = Options.Whole("--channels", "Interleaved channels of raw samples,", 1, AudioFormat.MaxChannels, absent: 1);
        var encoding = Options.Word("--encoding", "Encoding of raw samples.", SampleEncoding.Pcm16);
        var (chunk, lookAhead, events) = (Options.Chunk(), Options.LookAhead(), new EventRuleOptions());
        var eventLabels = new Option<string[]>("--event-label")
        {
            HelpName = "LABEL",
            Description = "A label that has events though the model does not offer it or calls it background; may be given several times.",
        };
        var command = new Command("stream", "Feeds audio to a grid through gRPC and shows its tags live.")
        {
            file, grid, keyFile, id, model, realtime, rate, channels, encoding, chunk, lookAhead, top, format,
        };
        Array.ForEach([.. events.All, eventLabels], command.Add);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (name, address) = (parsed.GetValue(file)!, parsed.GetValue(grid));
            var raw = parsed.GetValue(rate) is { } hz
                ? new AudioFormat(parsed.GetValue(encoding), hz, parsed.GetValue(channels)!.Value)
                : null;
            var source = await OpenAsync(name, raw, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
            async Task<Stream> ReopenAsync(CancellationToken stop) =>
                new AudioSourceStream(source = await OpenAsync(name, raw, stop).ConfigureAwait(false));
            await using var tape = new AudioTape(
                AudioSourceStream.WireFormat(source.Format), new AudioSourceStream(source), name == StandardInput ? null : ReopenAsync,
                cancellationToken);
            var config = new StreamConfig
            {
                StreamId = parsed.GetValue(id) ?? "",
                Model = address is null ? "" : parsed.GetValue(model) ?? "",
                Chunk = parsed.GetValue(chunk)?.ToDuration(),
                LookAhead = parsed.GetValue(lookAhead)?.ToDuration(),
                Events = events.From(parsed),
                LabelEvents = { (parsed.GetValue(eventLabels) ?? []).Select(label => new LabelRule { Label = label }) },
                Filter = new TagFilter { Top = parsed.GetValue(top)!.Value },
            };
            await using var connection = address is null
                ? await GridConnection.EmbedAsync(parsed.GetValue(model), cancellationToken).ConfigureAwait(false)
                : GridConnection.Open(address, parsed.GetValue(keyFile));
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

    private static async Task<IAudioSource> OpenAsync(string file, AudioFormat? raw, CancellationToken cancellationToken) =>
        (file, raw) switch
        {
            (StandardInput, null) => await WavReader.OpenAsync(Console.OpenStandardInput(), cancellationToken).ConfigureAwait(false),
            (StandardInput, { } format) => new RawAudioSource(Console.OpenStandardInput(), format),
            (_, null) => await AudioFile.OpenAsync(file, cancellationToken).ConfigureAwait(false),
            (_, { } format) => new RawAudioSource(File.OpenRead(file), format),
        };
}
