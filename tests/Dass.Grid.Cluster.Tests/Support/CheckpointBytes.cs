using System.Buffers;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Storage;

namespace Dass.Grid.Cluster.Tests.Support;

internal static class CheckpointBytes
{
    /// <summary>The checkpoint as a silo writes it that takes the stream from the store: with a higher epoch.</summary>
    public static byte[] OfNextOwner(ReadOnlySpan<byte> bytes)
    {
        var checkpoint = Checkpoint.Read(bytes);
        using var raised = new PooledBytes();
        (checkpoint with { Epoch = checkpoint.Epoch + 1 }).WriteTo(
            raised, new CheckpointState(to => to.Write(checkpoint.Events.Span), to => to.Write(checkpoint.Session.Span)));
        return raised.Written.ToArray();
    }
}
