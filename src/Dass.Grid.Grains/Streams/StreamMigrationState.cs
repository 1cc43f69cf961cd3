using System.Buffers;

namespace Dass.Grid.Grains.Streams;

/// <summary>
/// What a stream takes along to its next activation: its checkpoint, its place in the store, its observers and its weight.
/// </summary>
/// <param name="Checkpoint">Its bytes; none: see <see cref="IsLost"/>.</param>
/// <param name="ETag">What the store knows the last record by; null: there is none.</param>
/// <param name="DurableSample">Audio before this position will not be needed again.</param>
/// <param name="Observers">Gateways that observe it.</param>
/// <param name="Weight">The tenant's device time in relation to other tenants; null: as for a new tenant.</param>
internal sealed record StreamMigrationState(byte[] Checkpoint, string? ETag, long DurableSample, ITagObserver[] Observers, double? Weight)
{
    private const string CheckpointKey = "dass.stream";
    private const string ETagKey = "dass.etag";
    private const string DurableKey = "dass.durable";
    private const string ObserversKey = "dass.observers";
    private const string WeightKey = "dass.weight";

    /// <summary>The stream's state is gone with its device: the next activation has to ask the store.</summary>
    public bool IsLost => Checkpoint.Length == 0;

    public void Dehydrate(IDehydrationContext context)
    {
        context.AddBytes(CheckpointKey, Checkpoint);
        context.TryAddValue(ETagKey, ETag ?? "");
        context.TryAddValue(DurableKey, DurableSample);
        context.TryAddValue(ObserversKey, Observers);
        context.TryAddValue(WeightKey, Weight ?? 0);
    }

    /// <returns>Null: nothing came, and the store has to be asked.</returns>
    public static StreamMigrationState? Rehydrate(IRehydrationContext context) =>
        context.TryGetBytes(CheckpointKey, out var checkpoint) && context.TryGetValue<string>(ETagKey, out var etag)
            ? new StreamMigrationState(
                checkpoint.ToArray(),
                string.IsNullOrEmpty(etag) ? null : etag,
                context.TryGetValue<long>(DurableKey, out var durable) ? durable : 0,
                context.TryGetValue<ITagObserver[]>(ObserversKey, out var observers) ? observers! : [],
                context.TryGetValue<double>(WeightKey, out var weight) && weight > 0 ? weight : null)
            : null;
}
