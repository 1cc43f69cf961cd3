using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Gateway.Protocol;

/// <summary>From the grains' terms to the fields of answers, as far as no scores are in them.</summary>
internal static class ResponseMapping
{
    public static ModelInfo Map(ModelSummary model) => new()
    {
        Name = model.Name,
        Hash = model.Hash,
        LabelCount = model.LabelCount,
        Note = model.Note,
        IsDefault = model.IsDefault,
        OfferedLabelCount = model.OfferedLabelCount,
    };

    public static Label Map(LabelName label, int index) => new()
    {
        Index = index,
        Id = label.Id,
        Name = label.Name,
        Offered = !label.Hidden,
        Background = label.Background,
        Evidence = label.Evidence ?? "",
        Auc = label.Auc,
        Clips = label.Clips,
    };

    public static Silo Map(SiloEntry silo)
    {
        var load = silo.Load;
        return new Silo
        {
            Name = silo.Name,
            State = silo.Status switch
            {
                SiloStatus.Active => load is { Draining: true } ? SiloState.Draining : SiloState.Active,
                SiloStatus.ShuttingDown or SiloStatus.Stopping => SiloState.Stopping,
                _ => SiloState.Starting,
            },
            Streams = load?.Streams ?? 0,
            Slots = load?.Slots ?? 0,
            RealtimeStreams = load?.Rate ?? 0,
            Busy = load?.Busy ?? 0,
            QueuedSteps = load?.QueuedSteps ?? 0,
            Models = { load?.Models ?? [] },
            Devices = { load?.Devices ?? [] },
            DeviceMemoryBytes = load?.DeviceMemory ?? 0,
        };
    }

    public static EndReason Map(StreamEndReason reason) => reason switch
    {
        StreamEndReason.Finished => EndReason.Finished,
        StreamEndReason.Closed => EndReason.Closed,
        StreamEndReason.Idle => EndReason.Idle,
        StreamEndReason.Lost => EndReason.Lost,
        _ => EndReason.Unspecified,
    };

    /// <param name="listing">The stream.</param>
    /// <param name="view">Of its model; null: the model is not known.</param>
    public static StreamEntry Map(StreamListing listing, ScoreView? view) => new()
    {
        StreamId = listing.Name,
        State = listing.Ended ? StreamState.Ended : StreamState.Live,
        Model = listing.Model,
        Begun = Timestamp.FromDateTimeOffset(listing.Begun),
        Health = listing.Health is { } health ? Map(health, view) : null,
    };

    private static V1.StreamHealth Map(Contracts.StreamHealth health, ScoreView? view) => new()
    {
        LastAudio = health.LastAudio is { } last ? Timestamp.FromDateTimeOffset(last) : null,
        Attached = health.Attached,
        Delay = health.Delay.ToDuration(),
        Level = health.Level is { } level ? Map(level) : null,
        Top = { view?.Top(health) ?? [] },
    };

    public static Level Map(StreamLevel level) =>
        new() { RmsDbfs = level.RmsDbfs, PeakDbfs = level.PeakDbfs, ClippedShare = level.ClippedShare };

    public static Ready Map(StreamId id, Attachment attachment) => new()
    {
        StreamId = id.Name,
        NextSample = attachment.NextSample,
        NextChunk = attachment.NextChunk,
        Model = Map(attachment.Shape.Model),
        Format = Map(attachment.Shape.Format),
        Chunk = attachment.Shape.Chunk.ToDuration(),
        LookAhead = attachment.Shape.LookAhead.ToDuration(),
        LatencyBudget = attachment.LatencyBudget?.ToDuration(),
        DurableSample = attachment.DurableSample,
        CaptureTime = attachment.Shape.Captured is { } captured ? Timestamp.FromDateTimeOffset(captured) : null,
        Begun = attachment.Begun is { } begun ? Timestamp.FromDateTimeOffset(begun) : null,
    };

    public static Subscribed Subscribed(StreamStatus status) => new()
    {
        Model = Map(status.Shape.Model),
        NextChunk = status.NextChunk,
        CaptureTime = Timestamp.FromDateTimeOffset(status.Shape.Captured ?? status.Begun),
    };

    public static GetUsageResponse Map(Contracts.ModelUsage[] usage) => new()
    {
        Models =
        {
            usage.Select(model => new V1.ModelUsage
            {
                Model = model.Model,
                AudioSeconds = model.AudioSeconds,
                Streams = model.Streams,
                Events = model.Events,
            }),
        },
    };

    public static StreamInfo Map(StreamId id, StreamStatus status, ScoreView view) => new()
    {
        Entry = Map(
            new StreamListing(id.Name, status.Shape.Model.Name, status.Begun, status.End is not null) { Health = status.Health }, view),
        EndReason = status.End is { } end ? Map(end.Reason) : EndReason.Unspecified,
        NextSample = status.NextSample,
        Format = Map(status.Shape.Format),
        Chunk = status.Shape.Chunk.ToDuration(),
        LookAhead = status.Shape.LookAhead.ToDuration(),
        Summary = view.Map(status.Summary),
        Events = status.Rules is { } rules ? Map(rules.Default) : null,
        LabelEvents =
        {
            (status.Rules?.ByLabel ?? []).OrderBy(own => own.Key)
                .Select(own => new LabelRule { Label = view.NameOf(own.Key), Rule = Map(own.Value) }),
        },
    };

    public static EventRule Map(SoundEventRule rule)
    {
        var answer = new EventRule { MinDuration = rule.MinDuration?.ToDuration(), MergeGap = rule.MergeGap?.ToDuration() };
        if (rule.On is { } on)
        {
            answer.On = on;
        }
        if (rule.Off is { } off)
        {
            answer.Off = off;
        }
        return answer;
    }

    public static AudioFormat Map(AudioShape shape) => new()
    {
        Encoding = (Encoding)((int)shape.Encoding + 1),
        SampleRateHz = shape.SampleRateHz,
        Channels = shape.Channels,
        Channel = shape.Channel,
        GainDb = shape.GainDb,
        AutomaticGain = shape.AutomaticGain,
    };
}
