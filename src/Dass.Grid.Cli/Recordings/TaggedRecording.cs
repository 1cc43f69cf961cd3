using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Cli.Recordings;

/// <summary>What was found in one recording.</summary>
/// <param name="File">As it was named, or as it was found in a folder.</param>
/// <param name="Summary">Scores over all of it.</param>
/// <param name="Chunks">Scores of its chunks, in order.</param>
/// <param name="Events">Closed ones, by onset.</param>
/// <param name="Begun">When its first sample was heard. Null: not known.</param>
internal sealed record TaggedRecording(
    string File, StreamSummary Summary, IReadOnlyList<ChunkScores> Chunks, IReadOnlyList<EventChange> Events, DateTimeOffset? Begun)
{
    public EventLine Line(EventChange sound, DassModel model) => new(
        File, Begun + TimeSpan.FromSeconds(sound.OnsetSeconds), sound.OnsetSeconds, sound.OffsetSeconds, model.Labels[sound.Label].Id,
        model.Labels[sound.Label].Name, sound.Peak, sound.Mean, model.Name, sound.Id);
}
