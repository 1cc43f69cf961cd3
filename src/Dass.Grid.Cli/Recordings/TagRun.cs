using System.Diagnostics;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Cli.Recordings;

/// <summary>Tags recordings, several at once, and writes what was found in the order in which they were named.</summary>
internal sealed class TagRun(RecordingTagger tagger, RecordingRules rules, DassModel model, TagWriter writer, string? pictures)
{
    private const int Ahead = 4; // times as many recordings wait for their turn to be written as are tagged at once

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
        using var room = new SemaphoreSlim(together);
        var begun = new Queue<(FoundRecording Recording, List<string> Notes, Task<TaggedRecording> Work)>();
        try
        {
            var title = recordings is [var only] ? only.Name : $"{recordings.Count} recordings";
            await Terminal.WithProgressAsync(title, async report =>
            {
                for (var next = 0; next < recordings.Count || begun.Count > 0;)
                {
                    while (next < recordings.Count && begun.Count < together * Ahead)
                    {
                        var (recording, notes) = (recordings[next++], new List<string>());
                        begun.Enqueue((recording, notes, TagAsync(recording, notes, recordings.Count == 1 ? report : _ => { })));
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

        async Task<TaggedRecording> TagAsync(FoundRecording recording, List<string> notes, Action<double?> report)
        {
            await room.WaitAsync(stop.Token).ConfigureAwait(false);
            try
            {
                var picture = pictures is null ? null
                    : recordings.Count == 1 && pictures.EndsWith(".png", StringComparison.OrdinalIgnoreCase) ? pictures
                    : Path.Combine(pictures, recording.Name + ".png");
                return await Task.Run(() => tagger.TagAsync(recording, picture, report, notes.Add, stop.Token), stop.Token)
                    .ConfigureAwait(false);
            }
            finally
            {
                room.Release();
            }
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
        catch (Exception broken) when (broken is AudioFormatException or FormatException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(
                $"dass: {(broken.Message.Contains(path, StringComparison.Ordinal) ? "" : $"{path}: ")}{broken.Message}");
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
