using System.Buffers;
using Dass.Grid.Grains.Checkpoints;

namespace Dass.Grid.Grains.Streams;

/// <summary>What a stream takes along to another silo: its state as a checkpoint, its place in the store, who listens, and its weight.</summary>
internal static class StreamLuggage
{
    private const string Stream = "dass.stream";
    private const string ETag = "dass.etag";
    private const string Durable = "dass.durable";
    private const string Observers = "dass.observers";
    private const string Weight = "dass.weight";

    public static void Pack(IDehydrationContext context, byte[] checkpoint, StreamState state, CheckpointKeeper keeper, ObserverLeases observers)
    {
        context.AddBytes(Stream, checkpoint);
        context.TryAddValue(ETag, keeper.ETag ?? "");
        context.TryAddValue(Durable, keeper.DurableSample);
        context.TryAddValue(Observers, observers.All);
        context.TryAddValue(Weight, state.Weight ?? 0);
    }

    /// <returns>The checkpoint, or null: nothing came, and the store has to be asked.</returns>
    public static byte[]? Unpack(IRehydrationContext context, StreamState state, CheckpointKeeper keeper, ObserverLeases observers)
    {
        if (!context.TryGetBytes(Stream, out var checkpoint) || !context.TryGetValue<string>(ETag, out var etag))
        {
            return null;
        }
        keeper.ETag = string.IsNullOrEmpty(etag) ? null : etag;
        keeper.DurableSample = context.TryGetValue<long>(Durable, out var durable) ? durable : 0;
        state.Weight = context.TryGetValue<double>(Weight, out var weight) && weight > 0 ? weight : null;
        if (context.TryGetValue<ITagObserver[]>(Observers, out var listening))
        {
            Array.ForEach(listening!, observers.Renew);
        }
        return checkpoint.ToArray();
    }
}
