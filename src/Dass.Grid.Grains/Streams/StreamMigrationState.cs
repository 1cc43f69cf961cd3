using System.Buffers;

namespace Dass.Grid.Grains.Streams;

/// <summary>What a stream takes along to its next activation: its state as a checkpoint, its place in the store, who listens, and its weight.</summary>
/// <param name="Checkpoint">Its bytes.</param>
/// <param name="ETag">What the store knows the last record by; null: there is none.</param>
/// <param name="DurableSample">Audio before this position will not be needed again.</param>
/// <param name="Observers">Who listens.</param>
/// <param name="Weight">The tenant's device time in relation to other tenants; null: as for a new tenant.</param>
internal sealed record StreamMigrationState(byte[] Checkpoint, string? ETag, long DurableSample, ITagObserver[] Observers, double? Weight)
{
    private const string Stream = "dass.stream";
    private const string Tag = "dass.etag";
    private const string Durable = "dass.durable";
    private const string Listening = "dass.observers";
    private const string Share = "dass.weight";

    public void Pack(IDehydrationContext context)
    {
        context.AddBytes(Stream, Checkpoint);
        context.TryAddValue(Tag, ETag ?? "");
        context.TryAddValue(Durable, DurableSample);
        context.TryAddValue(Listening, Observers);
        context.TryAddValue(Share, Weight ?? 0);
    }

    /// <returns>Null: nothing came, and the store has to be asked.</returns>
    public static StreamMigrationState? Unpack(IRehydrationContext context) =>
        context.TryGetBytes(Stream, out var checkpoint) && context.TryGetValue<string>(Tag, out var etag)
            ? new StreamMigrationState(
                checkpoint.ToArray(),
                string.IsNullOrEmpty(etag) ? null : etag,
                context.TryGetValue<long>(Durable, out var durable) ? durable : 0,
                context.TryGetValue<ITagObserver[]>(Listening, out var observers) ? observers! : [],
                context.TryGetValue<double>(Share, out var weight) && weight > 0 ? weight : null)
            : null;
}
