using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>From the grains' terms to the fields of answers, as far as no scores are in them.</summary>
internal static class ResponseMapping
{
    public static ModelInfo Of(ModelSummary model) => new()
    {
        Name = model.Name,
        Hash = model.Hash,
        LabelCount = model.LabelCount,
        Note = model.Note,
        IsDefault = model.IsDefault,
    };

    public static EndReason Of(StreamEndReason reason) => reason switch
    {
        StreamEndReason.Finished => EndReason.Finished,
        StreamEndReason.Closed => EndReason.Closed,
        StreamEndReason.Idle => EndReason.Idle,
        StreamEndReason.Lost => EndReason.Lost,
        _ => EndReason.Unspecified,
    };

    public static StreamEntry Of(StreamListing listing) => new()
    {
        StreamId = listing.Name,
        State = listing.Ended ? StreamState.Ended : StreamState.Live,
        Model = listing.Model,
        Begun = Timestamp.FromDateTimeOffset(listing.Begun),
    };

    public static Ready Of(StreamId id, Attachment attachment) => new()
    {
        StreamId = id.Name,
        NextSample = attachment.NextSample,
        NextChunk = attachment.NextChunk,
        Model = Of(attachment.Shape.Model),
        Format = RequestMapping.Format(attachment.Shape.Format),
        Chunk = attachment.Shape.Chunk.ToDuration(),
        LookAhead = attachment.Shape.LookAhead.ToDuration(),
        DurableSample = attachment.DurableSample,
        CaptureTime = attachment.Shape.Captured is { } captured ? Timestamp.FromDateTimeOffset(captured) : null,
    };

    public static Subscribed Subscribed(StreamStatus status) => new()
    {
        Model = Of(status.Shape.Model),
        NextChunk = status.NextChunk,
        CaptureTime = Timestamp.FromDateTimeOffset(status.Shape.Captured ?? status.Begun),
    };

    public static GetUsageResponse Of(Contracts.ModelUsage[] usage) => new()
    {
        Models =
        {
            usage.Select(model => new V1.ModelUsage { Model = model.Model, AudioSeconds = model.AudioSeconds, Streams = model.Streams, Events = model.Events }),
        },
    };

    public static StreamInfo Of(StreamId id, StreamStatus status, ScoreView view) => new()
    {
        Entry = Of(new StreamListing(id.Name, status.Shape.Model.Name, status.Begun, status.End is not null)),
        EndReason = status.End is { } end ? Of(end.Reason) : EndReason.Unspecified,
        NextSample = status.NextSample,
        Format = RequestMapping.Format(status.Shape.Format),
        Chunk = status.Shape.Chunk.ToDuration(),
        LookAhead = status.Shape.LookAhead.ToDuration(),
        Summary = view.Of(status.Summary),
    };
}
