using System.Diagnostics;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Cli.Recordings;

/// <summary>Tags recordings, several at once, and writes what was found in the order in which they were named.</summary>
internal sealed class TagRun(RecordingTagger tagger, RecordingRules rules, DassModel model, TagWriter writer, string? pictures)
{
    private const int Ahead = 4; // times as many recordings wait for their turn to be written as are tagged at once
    private const int MostWaiting = 20_000; // chunks of recordings that wait so: five hours of audio

    /// <summary>A recording could not be tagged.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>A recording has an alarm.</summary>
    public bool HasHeard { get; private set; }

    /// <param name="recordings">In the order in which they are written.</param>
    /// <param name="together">How many are tagged at once.</param>
    /// <param name="cancellationToken">Ends it; what is done has been written.</param>
    public async Task RunAsync(IReadOnlyList<FoundRecording> recordings, int together, CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        var (seconds, done) = (0.0, 0);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var begun = new Queue<(FoundRecording Recording, List<string> Notes, Task<TaggedRecording> Work)>();
        try
        {
            var title = recordings is [var only] ? only.Name : $"{recordings.Count} recordings";
            await Terminal.WithProgressAsync(title, async report =>
            {
                for (var next = 0; next < recordings.Count || begun.Count > 0;)
                {
                    while (next < recordings.Count && HasRoom())
                    {
                        var (recording, notes) = (recordings[next++], new List<string>());
                        begun.Enqueue((recording, notes, TagAsync(recording, notes, recordings.Count == 1 ? report : _ => { })));
                    }
                    if (!begun.Peek().Work.IsCompleted)
                    {
                        await Task.WhenAny(begun.Select(each => each.Work).Where((work, place) => place == 0 || !work.IsCompleted))
                            .ConfigureAwait(false);
                        continue;
                    }
                    seconds += await WriteAsync(begun.Peek()).ConfigureAwait(false);
                    begun.Dequeue();
                    if (recordings.Count > 1)
                    {
                        report((double)++done / recordings.Count);
                    }
                }
            }).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(begun.Select(each => (Task)each.Work)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            writer.End();
        }
        var took = Stopwatch.GetElapsedTime(began);
        Terminal.Note(seconds == 0 ? null : FormattableString.Invariant(
            $"{Length(seconds)} of audio in {took.TotalSeconds:0.0} s: {seconds / took.TotalSeconds:0} × real time."));

        bool HasRoom() => begun.Count < together * Ahead && begun.Count(each => !each.Work.IsCompleted) < together
            && begun.Sum(each => each.Work.IsCompletedSuccessfully ? each.Work.Result.Chunks.Count : 0) < MostWaiting;

        Task<TaggedRecording> TagAsync(FoundRecording recording, List<string> notes, Action<double?> report)
        {
            var picture = pictures is null ? null
                : recordings.Count == 1 && pictures.EndsWith(".png", StringComparison.OrdinalIgnoreCase) ? pictures
                : Path.Combine(pictures, recording.Name + ".png");
            return Task.Run(() => tagger.TagAsync(recording, picture, report, notes.Add, stop.Token), stop.Token);
        }
    }

    /// <returns>Seconds of audio.</returns>
    private async Task<double> WriteAsync((FoundRecording Recording, List<string> Notes, Task<TaggedRecording> Work) tagged)
    {
        var path = tagged.Recording.Path;
        try
        {
            var result = await tagged.Work.ConfigureAwait(false);
            writer.Write(tagged.Recording, result);
            tagged.Notes.ForEach(Terminal.Note);
            foreach (var sound in result.Events.Where(rules.IsAlarm).Take(1))
            {
                HasHeard = true;
                Terminal.Note(FormattableString.Invariant(
                    $"{path}: {model.Labels[sound.Label].Name} {sound.Peak:0.000} at {sound.OnsetSeconds:0.00} s, as --fail-on asks."));
            }
            return result.Summary.DurationSeconds;
        }
        catch (Exception broken) when (broken is not OperationCanceledException)
        {
            var why = Invocation.Explain(broken);
            Console.Error.WriteLine($"dass: {(why.Contains(path, StringComparison.Ordinal) ? "" : $"{path}: ")}{why}");
            HasFailed = true;
            return 0;
        }
    }

    private static string Length(double seconds) => seconds switch
    {
        < 120 => FormattableString.Invariant($"{seconds:0.0} s"),
        < 7200 => FormattableString.Invariant($"{seconds / 60:0.0} min"),
        _ => FormattableString.Invariant($"{seconds / 3600:0.0} h"),
    };
}
