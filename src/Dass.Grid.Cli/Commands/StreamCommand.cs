using System.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
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
        var file = new Argument<string>("FILE") { Description = "Audio file, or - for standard input: a WAV pipe, or raw samples with --rate." };
        var (grid, model, format, top) = (Options.Grid(), Options.Model(), Options.Format(), Options.Top(3));
        var id = new Option<string?>("--stream-id") { Description = "The stream's id; one that is there is continued (default: the grid makes one)." };
        var realtime = new Option<bool>("--realtime") { Description = "Send at the speed of the audio." };
        var rate = new Option<int?>("--rate") { Description = "Standard input is raw samples at this rate in Hz, 8000 to 192000." };
        var channels = new Option<int>("--channels") { Description = "Interleaved channels of raw samples, 1 to 8 (default: 1).", DefaultValueFactory = _ => 1 };
        var encoding = new Option<SampleEncoding>("--encoding") { Description = "Encoding of raw samples (default: pcm16).", DefaultValueFactory = _ => SampleEncoding.Pcm16 };
        var (chunk, lookAhead) = (Options.Chunk(), Options.LookAhead());
        var command = new Command("stream", "Feeds audio to a grid through gRPC and shows its tags live.")
        {
            file, grid, id, model, realtime, rate, channels, encoding, chunk, lookAhead, top, format,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var source = await OpenAsync(
                parsed.GetValue(file)!, parsed.GetValue(rate) is { } hz ? new AudioFormat(parsed.GetValue(encoding), hz, parsed.GetValue(channels)) : null, cancellationToken)
                .ConfigureAwait(false);
            var config = new StreamConfig
            {
                Format = new V1.AudioFormat
                {
                    Encoding = (V1.Encoding)((int)source.Format.Encoding + 1), // the protocol reserves 0
                    SampleRateHz = source.Format.SampleRateHz,
                    Channels = source.Format.Channels,
                },
                Chunk = Duration.FromTimeSpan(parsed.GetValue(chunk)),
                LookAhead = Duration.FromTimeSpan(parsed.GetValue(lookAhead)),
                Filter = new TagFilter { Top = parsed.GetValue(top) },
            };
            if (parsed.GetValue(id) is { } name)
            {
                config.StreamId = name;
            }
            await using var connection = await GridConnection.OpenAsync(parsed.GetValue(grid), parsed.GetValue(model), cancellationToken).ConfigureAwait(false);
            Terminal.Note((await connection.Client.ListModelsAsync(new ListModelsRequest(), connection.Headers, cancellationToken: cancellationToken)).Models[0].Note);
            await IStreamView.ShowAsync(
                parsed.GetValue(format),
                view => new StreamFeeder(connection, source, config, view, parsed.GetValue(realtime)).RunAsync(cancellationToken)).ConfigureAwait(false);
            return Invocation.Success;
        });
        return command;
    }

    private static async Task<IAudioSource> OpenAsync(string file, AudioFormat? raw, CancellationToken cancellationToken)
    {
        raw?.Validate();
        return (file, raw) switch
        {
            ("-", null) => await WavReader.OpenAsync(Console.OpenStandardInput(), cancellationToken).ConfigureAwait(false),
            ("-", { } format) => new RawAudioSource(Console.OpenStandardInput(), format),
            (_, null) => await AudioFile.OpenAsync(file, cancellationToken).ConfigureAwait(false),
            (_, { } format) => new RawAudioSource(File.OpenRead(file), format),
        };
    }
}
