using System.CommandLine;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Cli.Recordings;
using Dass.Grid.Cli.Sources;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass tag FILE…</c>: tags recordings in this process, and says when each sound was heard.</summary>
internal static class TagCommand
{
    private const int ShownOfOne = 10;
    private const int ShownOfMany = 3;
    private const int MostStepThreads = 8;

    private enum TagFormat
    {
        Table,
        Json,
        Csv,
        Audacity,
        Rttm,
        WebVtt,
    }

    public static Command Create()
    {
        var files = new Argument<string[]>("FILE")
        {
            Description = "Recordings: WAV, or anything that ffmpeg reads; folders, with all recordings in them; - for standard input.",
            Arity = ArgumentArity.OneOrMore,
        }.RefusingOptions();
        var format = Options.Word(
            "--format",
            "table for people; json and csv for programs; audacity, rttm and webvtt of events.",
            TagFormat.Table);
        var top = Options.Whole(
            "--top", "Labels that are shown (default: 10, of each of several 3, in json and csv all),", 1, 10_000, absent: null);
        var (model, precision) = (Options.Model(), Options.Precision());
        var offline = new Option<bool>("--offline")
        {
            Description = "One step over the whole file, as the model was published: no events. Memory grows with the file; up to 4 h.",
        };
        var (chunk, lookAhead, rule, raw) = (Options.Chunk(), Options.LookAhead(), new EventRuleOptions(), new RawOptions());
        var hearing = new HeardOptions();
        var events = new Option<bool>("--events") { Description = "Events with onset and offset instead of scores." };
        var eventLabels = Options.EventLabels();
        var folder = new Option<string?>("--out")
        {
            HelpName = "DIR",
            Description = "Writes the events of each recording to a file of its own there, in the format that --format names.",
        };
        var plot = new Option<string?>("--plot")
        {
            HelpName = "FILE.png",
            Description = "Also draws the spectrogram with the events (with --offline there are none); of several recordings, into a "
                + "folder.",
        };
        var captured = CaptureTimeOption.Create("none, and events have no time of day");
        var alarms = new Option<AlarmRule[]>("--fail-on")
        {
            HelpName = "LABEL[=SCORE]",
            Description = $"Exit code {Invocation.Heard} when a recording has an event of the label or its kinds that reaches the score "
                + "(default: that of all events); may be given several times.",
            CustomParser = result => [.. result.Tokens.Select(token =>
            {
                var parsed = AlarmRule.Parse(token.Value);
                if (parsed is null)
                {
                    result.AddError($"--fail-on is '{token.Value}'; behind the label and = must be a score from 0 to 1.");
                }
                return parsed!;
            })],
        };
        var command = new Command("tag", "Tags recordings in this process, and says when each sound was heard.")
        {
            files, events, format, top, folder, plot, alarms, captured, eventLabels, model, precision, offline, chunk, lookAhead,
        };
        Array.ForEach([.. rule.All, .. raw.All, .. hearing.All], command.Add);
        command.Validators.Add(result =>
        {
            if (result.GetValue(offline) && (result.GetResult(chunk) is not null || result.GetResult(lookAhead) is not null))
            {
                result.AddError("--offline is one step over the whole file; --chunk and --look-ahead do not go with it.");
            }
            var shown = result.ValueOr(format, TagFormat.Table);
            var isOfEvents = shown >= TagFormat.Audacity;
            if (result.GetValue(offline) && (isOfEvents || result.GetValue(events) || result.GetResult(alarms) is not null))
            {
                result.AddError(
                    "--offline is one step over the whole file and says not when; --events, --fail-on and the formats audacity, rttm and "
                    + "webvtt do not go with it.");
            }
            if (result.GetResult(folder) is not null && !isOfEvents
                && !(result.GetValue(events) && shown != TagFormat.Table))
            {
                result.AddError(
                    "--out holds events in files: it needs --format audacity, rttm or webvtt, or --events with --format json or csv.");
            }
        });
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var problems = new List<string>();
            var found = RecordingFinder.Find(parsed.GetValue(files)!, problems);
            problems.ForEach(each => Console.Error.WriteLine($"dass: {each}"));
            var (shown, kept) = (parsed.GetValue(format), parsed.GetValue(folder));
            EventFileFormat? lines = shown switch
            {
                TagFormat.Audacity => EventFileFormat.Audacity,
                TagFormat.Rttm => EventFileFormat.Rttm,
                TagFormat.WebVtt => EventFileFormat.WebVtt,
                TagFormat.Json when parsed.GetValue(events) => EventFileFormat.JsonLines,
                TagFormat.Csv when parsed.GetValue(events) => EventFileFormat.Csv,
                _ => null,
            };
            Check(found, lines, shown, kept, parsed.GetValue(plot));
            if (parsed.GetValue(captured) is { IsOfFile: true } && found.Any(each => each.Path == RecordingFinder.StandardInput))
            {
                throw new UsageException(CaptureTimeOption.PipeRule);
            }
            if (found.Count == 0)
            {
                return Invocation.Failure;
            }
            var session = Options.Session(parsed, chunk, lookAhead) with { Offline = parsed.GetValue(offline) };
            await using var engine = await StartAsync(
                parsed.GetValue(model), parsed.GetValue(precision), found.Count, cancellationToken).ConfigureAwait(false);
            var heard = engine.Model;
            var rules = new RecordingRules(
                heard.Labels, rule.Local(parsed), parsed.GetValue(eventLabels) ?? [], parsed.GetValue(alarms) ?? []);
            Terminal.Note(heard.Note);
            foreach (var warning in rules.Warnings)
            {
                Terminal.Note(warning);
            }
            var tagger = new RecordingTagger(engine, session, rules)
            {
                Raw = raw.From(parsed), Heard = hearing.From(parsed), Captured = parsed.GetValue(captured),
                KeepsChunks = shown == TagFormat.Json && lines is null,
            };
            TagWriter writer = shown switch
            {
                _ when lines is { } file => new EventFileTagWriter(heard, file, kept),
                TagFormat.Json => new JsonTagWriter(heard, parsed.GetValue(top)),
                TagFormat.Csv => new CsvTagWriter(heard, parsed.GetValue(top)),
                _ when parsed.GetValue(events) => new EventTableTagWriter(heard),
                _ when found.Count > 1 => new SummaryTagWriter(heard, parsed.GetValue(top) ?? ShownOfMany),
                _ => new TableTagWriter(heard, parsed.GetValue(top) ?? ShownOfOne),
            };
            var run = new TagRun(tagger, rules, heard, writer, parsed.GetValue(plot));
            // The engine has room for so many streams; offline ones are whole files in memory, and each keeps a core busy.
            var together = session.Offline ? Math.Min(Environment.ProcessorCount, StreamedInference.Parallel) : StreamedInference.Parallel;
            await run.RunAsync(found, together, cancellationToken).ConfigureAwait(false);
            return run.HasHeard ? Invocation.Heard : run.HasFailed || problems.Count > 0 ? Invocation.Failure : Invocation.Success;
        });
        return command;
    }

    /// <exception cref="UsageException">What was asked for is of one recording, or two recordings would be written as one.</exception>
    private static void Check(
        IReadOnlyList<FoundRecording> found, EventFileFormat? lines, TagFormat shown, string? folder, string? plot)
    {
        if (found.Count(each => each.Path == RecordingFinder.StandardInput) > 1)
        {
            throw new UsageException("- is given twice; there is one standard input.");
        }
        if (lines is { } format && EventText.IsOfOneStream(format) && found.Count > 1 && folder is null)
        {
            throw new UsageException(
                $"--format {shown.ToString().ToLowerInvariant()} is of one recording; with --out DIR each of several has a file.");
        }
        if (plot is not null && found.Count == 1 && Path.GetExtension(plot) is { Length: > 0 } ending && !Directory.Exists(plot)
            && !ending.Equals(".png", StringComparison.OrdinalIgnoreCase))
        {
            throw new UsageException($"--plot is '{plot}'; pictures are PNG: it must end with .png, or be a folder.");
        }
        if (plot is not null && found.Count > 1 && plot.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
        {
            throw new UsageException($"--plot is '{plot}'; of {found.Count} recordings it must be a folder.");
        }
        if ((plot ?? folder) is not null && found.GroupBy(each => each.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new UsageException(
                $"{string.Join(" and ", twice.Select(each => each.Path))} would be written as one; name the folder that holds them.");
        }
    }

    /// <summary>One recording's steps follow each other, and the cores share each; of several, every core has batches.</summary>
    private static Task<StreamEngine> StartAsync(
        string? model, StepPrecision precision, int recordings, CancellationToken cancellationToken) =>
        recordings > 1
            ? StreamedInference.StartAsync(model, precision, cancellationToken)
            : StreamEngine.StartAsync(
                new EngineOptions
                {
                    ModelDirectory = model,
                    Precision = precision,
                    MaxStreams = 1,
                    Threads = 1,
                    StepThreads = model is null ? 1 : Math.Min(Environment.ProcessorCount, MostStepThreads), // the built-in one is small
                    Batcher = new StepBatcherOptions { MaxBatch = 1 },
                    MaxOfflineAudio = TimeSpan.FromHours(4),
                },
                cancellationToken);
}
