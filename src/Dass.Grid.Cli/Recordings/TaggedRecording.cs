using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Cli.Recordings;

/// <summary>The scores of a chunk that are written.</summary>
/// <param name="StartSeconds">Begin of the chunk.</param>
/// <param name="EndSeconds">End of the chunk.</param>
/// <param name="Scores">Over the chunk alone, 0 to 1, in label order.</param>
internal readonly record struct TaggedChunk(double StartSeconds, double EndSeconds, float[] Scores);

/// <summary>What was found in one recording.</summary>
/// <param name="File">As it was named, or as it was found in a folder.</param>
/// <param name="Summary">Scores over all of it.</param>
/// <param name="Chunks">Scores of its chunks, in order; empty when they are not wanted.</param>
/// <param name="Events">Closed ones, by onset.</param>
/// <param name="Begun">When its first sample was heard. Null: not known.</param>
internal sealed record TaggedRecording(
    string File, StreamSummary Summary, IReadOnlyList<TaggedChunk> Chunks, IReadOnlyList<EventChange> Events, DateTimeOffset? Begun)
{
    public EventLine Line(EventChange sound, DassModel model) => new(
        File, Begun + TimeSpan.FromSeconds(sound.OnsetSeconds), sound.OnsetSeconds, sound.OffsetSeconds, model.Labels[sound.Label].Id,
        model.Labels[sound.Label].Name, sound.Peak, sound.Mean, model.Name, sound.Id);
}
