using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Chaos;

/// <summary>What an undisturbed engine says of the audio: the built-in model, one session each, no grid.</summary>
internal static class Reference
{
    /// <summary>Without look-ahead: half the work, so that a hundred streams leave a small machine room for the faults.</summary>
    public static readonly StreamSessionOptions Options = new() { LookAhead = TimeSpan.Zero };

    public static async Task<IReadOnlyDictionary<int, Expected>> HearAsync(
        IReadOnlyList<Audio16k> audio, CancellationToken cancellationToken)
    {
        await using var engine = await StreamEngine.StartAsync(new EngineOptions { MaxStreams = audio.Count }, cancellationToken);
        var heard = await Task.WhenAll(audio.Select(async one =>
        {
            using var session = engine.Open(new AudioFormat(SampleEncoding.Pcm16, Audio16k.Rate, 1), Options);
            var chunks = new List<ChunkScores>();
            const int Piece = 2 * Audio16k.Rate * 5;
            for (var at = 0; at < one.All.Length; at += Piece)
            {
                await session.PushAsync(one.All[at..Math.Min(at + Piece, one.All.Length)], chunks, cancellationToken);
            }
            await session.CompleteAsync(chunks, cancellationToken);
            var seconds = session.Summary().DurationSeconds;
            return (one.Variant, new Expected(chunks, Events(chunks, seconds, engine.Model.Labels.Muted), seconds));
        }));
        return heard.ToDictionary(pair => pair.Variant, pair => pair.Item2);
    }

    private static List<EventChange> Events(List<ChunkScores> chunks, double seconds, int[] muted)
    {
        var rules = new EventRules(new EventRule(), muted: muted);
        var (tracker, changes) = (new SoundEventTracker(rules, chunks[0].Scores.Length), new List<EventChange>());
        foreach (var chunk in chunks)
        {
            tracker.Add(chunk, changes);
        }
        tracker.Complete(seconds, changes);
        return changes;
    }
}

/// <summary>What a stream's clients must receive, and its grid must keep.</summary>
internal sealed class Expected(List<ChunkScores> chunks, List<EventChange> changes, double seconds)
{
    /// <summary>In order.</summary>
    public List<ChunkScores> Chunks => chunks;

    /// <summary>Openings and closings, each "id kind".</summary>
    public HashSet<string> Events { get; } =
        [.. changes.Where(change => change.Kind != EventChangeKind.Updated).Select(change => $"{change.Id} {change.Kind}")];

    /// <summary>Onset of each closed event, in stream time, by its id.</summary>
    public Dictionary<string, double> Closed { get; } =
        changes.Where(change => change.Kind == EventChangeKind.Closed).ToDictionary(change => change.Id, change => change.OnsetSeconds);

    /// <summary>Length of the audio.</summary>
    public double Seconds => seconds;
}
