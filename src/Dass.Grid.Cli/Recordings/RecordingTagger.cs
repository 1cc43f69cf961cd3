using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Sources;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Evaluation.Plots;

namespace Dass.Grid.Cli.Recordings;

/// <summary>Tags recordings, each from its beginning to its end. Thread-safe.</summary>
/// <param name="engine">Hears them.</param>
/// <param name="session">Chunk and look-ahead, or offline.</param>
/// <param name="rules">When a sound is an event.</param>
internal sealed class RecordingTagger(StreamEngine engine, StreamSessionOptions session, RecordingRules rules)
{
    private const int BufferBytes = 1 << 18;
    private const float BeyondFullScaleDb = 20; // what is ten times too loud was not meant to be samples of -1 to 1

    private const double CancelledDb = 20;

    /// <summary>What files of raw samples are. Null: files say so themselves.</summary>
    public AudioFormat? Raw { get; init; }

    /// <summary>What of a recording is heard.</summary>
    public Heard Heard { get; init; }

    /// <summary>Null: the recordings' time of day is not known.</summary>
    public CaptureTime? Captured { get; init; }

    /// <summary>Whether the scores of each chunk are wanted.</summary>
    public bool KeepsChunks { get; init; }

    /// <param name="recording">Which one.</param>
    /// <param name="picture">Receives a picture of it, PNG. Null: none is wanted.</param>
    /// <param name="report">Is told which share is done; null: not known.</param>
    /// <param name="note">Is told what a person should know.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="Engine.AudioFormatException">The audio is damaged or cannot be decoded.</exception>
    public async Task<TaggedRecording> TagAsync(
        FoundRecording recording, string? picture, Action<double?> report, Action<string> note, CancellationToken cancellationToken)
    {
        await using var source = await RecordingInput.OpenAsync(recording.Path, Raw, cancellationToken).ConfigureAwait(false);
        using var stream = engine.Open(Heard.Of(source.Format), session);
        var tracker = session.Offline ? null : new SoundEventTracker(rules.Events, engine.Model.Labels.Count); // one step says not when
        var (kept, fresh, changes) = (new List<TaggedChunk>(), new List<ChunkScores>(), new List<EventChange>());
        var drawn = picture is null ? null : new SoundPicture(source.Format);
        var (peak, samples) = (AudioLevel.SilenceDbfs, 0L);

        void Take()
        {
            foreach (var chunk in fresh)
            {
                tracker?.Add(chunk, changes);
                peak = Math.Max(peak, chunk.Level?.PeakDbfs ?? peak);
            }
            changes.RemoveAll(change => change.Kind != EventChangeKind.Closed);
            if (KeepsChunks)
            {
                kept.AddRange(fresh.Select(chunk => new TaggedChunk(chunk.StartSeconds, chunk.EndSeconds, chunk.Scores)));
            }
            fresh.Clear();
        }

        var buffer = new byte[BufferBytes / source.Format.BytesPerFrame * source.Format.BytesPerFrame];
        int read;
        while ((read = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0)
        {
            await stream.PushAsync(buffer.AsMemory(0, read), fresh, cancellationToken).ConfigureAwait(false);
            drawn?.Add(buffer.AsSpan(0, read));
            samples += read / source.Format.BytesPerFrame;
            Take();
            report(source.TotalSamples is > 0 and var total ? (double)samples / total : null);
        }
        await stream.CompleteAsync(fresh, cancellationToken).ConfigureAwait(false);
        Take();
        var summary = stream.Summary();
        tracker?.Complete(summary.DurationSeconds, changes);
        changes.RemoveAll(change => change.Kind != EventChangeKind.Closed);
        EventChange[] events = [.. changes.OrderBy(sound => sound.OnsetSeconds).ThenBy(sound => sound.Label)];

        Remark(recording, source, summary, peak, note);
        if (stream.MixLossDb is > CancelledDb and var lost)
        {
            note(FormattableString.Invariant(
                $"{recording.Path}: the channels cancel each other, their mean is {lost:0} dB quieter; --channel hears one."));
        }
        var length = TimeSpan.FromSeconds((double)samples / source.Format.SampleRateHz);
        if (drawn is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(picture!))!);
            drawn.Save(
                picture!, recording.Name,
                [
                    .. events.Select(sound => new PlottedEvent(
                        engine.Model.Labels[sound.Label].Name, sound.OnsetSeconds, sound.OffsetSeconds)),
                ]);
        }
        return new TaggedRecording(recording.Path, summary, kept, events, Captured?.Of(recording.Path, length));
    }

    private static void Remark(FoundRecording recording, IAudioSource source, StreamSummary summary, float peak, Action<string> note)
    {
        if (source is WavReader { Truncated: true })
        {
            note($"{recording.Path} ends before its header says so; what is there has been tagged.");
        }
        if (peak > BeyondFullScaleDb)
        {
            note(FormattableString.Invariant(
                $"{recording.Path} has samples up to {Math.Pow(10, peak / 20):0}; full scale is 1, so its scores may mean little."));
        }
        if (summary.Chunks == 0)
        {
            note($"{recording.Path} has no audio to tag: it is shorter than one frame (25 ms).");
        }
    }
}
