using System.CommandLine;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass tag FILE…</c>: tags recordings in this process.</summary>
internal static class TagCommand
{
    private const float BeyondFullScaleDb = 20; // what is ten times too loud was not meant to be samples of -1 to 1
    private const int BufferBytes = 1 << 18;

    public static Command Create()
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "Audio files: WAV, or anything that ffmpeg reads.",
            Arity = ArgumentArity.OneOrMore,
        }.RefusingOptions();
        var (format, top) = (Options.Format(), Options.Top(10));
        var (model, precision) = (Options.Model(), Options.Precision());
        var offline = new Option<bool>("--offline")
        {
            Description = "One step over the whole file, as the model was published. Memory grows with the file; up to 4 h.",
        };
        var (chunk, lookAhead) = (Options.Chunk(), Options.LookAhead());
        var command = new Command("tag", "Tags recordings in this process.")
        {
            files, model, precision, offline, chunk, lookAhead, top, format,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(offline) && (result.GetResult(chunk) is not null || result.GetResult(lookAhead) is not null))
            {
                result.AddError("--offline is one step over the whole file; --chunk and --look-ahead do not go with it.");
            }
        });
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed.GetValue(files)!,
            parsed.GetValue(model),
            parsed.GetValue(precision),
            Options.Session(parsed, chunk, lookAhead) with { Offline = parsed.GetValue(offline) },
            TagWriter.For(parsed.GetValue(format), parsed.GetValue(top)!.Value),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(
        string[] files, string? model, StepPrecision precision, StreamSessionOptions options, TagWriter writer,
        CancellationToken cancellationToken)
    {
        await using var engine = await StreamEngine.StartAsync(
            new EngineOptions
            {
                ModelDirectory = model,
                Precision = precision,
                MaxStreams = 1,
                Threads = 1,
                Batcher = new StepBatcherOptions { MaxBatch = 1 },
                MaxOfflineAudio = TimeSpan.FromHours(4),
            },
            cancellationToken).ConfigureAwait(false);
        Terminal.Note(engine.Model.Note);

        var failed = false;
        foreach (var file in files)
        {
            try
            {
                writer.Write(file, engine.Model, await TagAsync(engine, file, options, cancellationToken).ConfigureAwait(false));
            }
            catch (Exception exception) when (exception is AudioFormatException or IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine(
                    $"dass: {(exception.Message.Contains(file, StringComparison.Ordinal) ? "" : $"{file}: ")}{exception.Message}");
                failed = true;
            }
        }
        return failed ? Invocation.Failure : Invocation.Success;
    }

    private static async Task<TaggedFile> TagAsync(
        StreamEngine engine, string file, StreamSessionOptions options, CancellationToken cancellationToken)
    {
        await using var source = await AudioFile.OpenAsync(file, cancellationToken).ConfigureAwait(false);
        using var session = engine.Open(source.Format, options);
        var chunks = new List<ChunkScores>();
        var buffer = new byte[BufferBytes / source.Format.BytesPerFrame * source.Format.BytesPerFrame];
        await Terminal.WithProgressAsync(Path.GetFileName(file), async report =>
        {
            int read;
            while ((read = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
            {
                await session.PushAsync(buffer.AsMemory(0, read), chunks, cancellationToken).ConfigureAwait(false);
                report(source.TotalSamples is > 0 and var total ? (double)session.AppliedSamples / total : null);
            }
            await session.CompleteAsync(chunks, cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);
        if (source is WavReader { Truncated: true })
        {
            Terminal.Note($"{file} ends before its header says so; what is there has been tagged.");
        }
        if (chunks.Count > 0 && chunks.Max(chunk => chunk.Level?.PeakDbfs ?? 0) is > BeyondFullScaleDb and var peak)
        {
            Terminal.Note(FormattableString.Invariant(
                $"{file} has samples up to {Math.Pow(10, peak / 20):0}; full scale is 1, so its scores may mean little."));
        }
        if (chunks.Count == 0)
        {
            Terminal.Note($"{file} has no audio to tag: it is shorter than one frame (25 ms).");
        }
        return new TaggedFile(session.Summary(), chunks);
    }
}
