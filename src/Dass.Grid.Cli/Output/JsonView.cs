using System.Text.Json;
using System.Text.Json.Serialization;
using Dass.Grid.V1;

namespace Dass.Grid.Cli.Output;

/// <summary>
/// One object per line; its <c>type</c> is ready, tags, dropped, events (that the stream's end has closed) or summary.
/// </summary>
/// <param name="stream">The stream_id of each line; null: there is only one stream, and only ready has it.</param>
internal sealed class JsonView(string? stream = null) : IStreamView
{
    private static readonly JsonSerializerOptions Json = new(Scores.Json) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public void OnReady(Ready ready) =>
        Write(new { type = "ready", stream_id = ready.StreamId, model = ready.Model.Name, next_sample = ready.NextSample });

    public void OnTags(Tags tags) => Write(new
    {
        type = "tags",
        stream_id = stream,
        chunk = tags.Chunk,
        start = tags.StartSeconds,
        end = tags.EndSeconds,
        scores = List(tags.ChunkScores),
        window_scores = List(tags.WindowScores),
        events = tags.Events.Select(ToJson),
        lost = tags.LostSeconds > 0 ? tags.LostSeconds : default(double?),
        level = tags.Level is { } level
            ? new { rms_dbfs = level.RmsDbfs, peak_dbfs = level.PeakDbfs, clipped_share = level.ClippedShare }
            : null,
    });

    public void OnEvents(IReadOnlyCollection<Event> events)
    {
        if (events.Count > 0)
        {
            Write(new { type = "events", stream_id = stream, events = events.Select(ToJson) });
        }
    }

    public void OnDropped(long chunks) => Write(new { type = "dropped", stream_id = stream, chunks });

    public void OnSummary(Summary summary) => Write(new
    {
        type = "summary",
        stream_id = stream,
        duration_seconds = summary.DurationSeconds,
        chunks = summary.Chunks,
        max = List(summary.Max),
        mean = List(summary.Mean),
    });

    private static object ToJson(Event sound) => new
    {
        id = sound.Id,
        kind = sound.Kind.ToString().ToLowerInvariant(),
        label = sound.Label,
        label_id = sound.LabelId,
        onset = sound.OnsetSeconds,
        offset = sound.OffsetSeconds,
        peak = sound.PeakScore,
        mean = sound.MeanScore,
    };

    private static object List(IEnumerable<LabelScore> scores) =>
        scores.Select(score => new { label = score.Name, id = score.Id, score = score.Score });

    private static void Write(object line) => Console.Out.WriteLine(JsonSerializer.Serialize(line, Json));
}
