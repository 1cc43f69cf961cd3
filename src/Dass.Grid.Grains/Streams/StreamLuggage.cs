using System.Buffers;

namespace Dass.Grid.Grains.Streams;

/// <summary>What a stream takes along to another silo: its state as a checkpoint, its place in the store, who listens, and its weight.</summary>
internal static class StreamLuggage
{
    private const string Stream = "dass.stream";
    private const string ETag = "dass.etag";
    private const string Durable = "dass.durable";
    private const string Observers = "dass.observers";
    private const string Weight = "dass.weight";

    public static void Pack(IDehydrationContext context, byte[] checkpoint, StreamLife life)
    {
        context.AddBytes(Stream, checkpoint);
        context.TryAddValue(ETag, life.Keeper.ETag ?? "");
        context.TryAddValue(Durable, life.Keeper.DurableSample);
        context.TryAddValue(Observers, life.Observers.All);
        context.TryAddValue(Weight, life.State.Weight ?? 0);
    }

    /// <returns>The checkpoint, or null: nothing came, and the store has to be asked.</returns>
    public static byte[]? Unpack(IRehydrationContext context, StreamLife life)
    {
        if (!context.TryGetBytes(Stream, out var checkpoint) || !context.TryGetValue<string>(ETag, out var etag))
        {
            return null;
        }
        life.Keeper.ETag = string.IsNullOrEmpty(etag) ? null : etag;
        life.Keeper.DurableSample = context.TryGetValue<long>(Durable, out var durable) ? durable : 0;
        life.State.Weight = context.TryGetValue<double>(Weight, out var weight) && weight > 0 ? weight : null;
        if (context.TryGetValue<ITagObserver[]>(Observers, out var observers))
        {
            Array.ForEach(observers!, life.Observers.Renew);
        }
        return checkpoint.ToArray();
    }
}
