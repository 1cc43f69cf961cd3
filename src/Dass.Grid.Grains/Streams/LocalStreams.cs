using System.Collections.Concurrent;

namespace Dass.Grid.Grains.Streams;

/// <summary>The streams that hold a slot of this silo: what has to move when it stops.</summary>
public sealed class LocalStreams
{
    private readonly ConcurrentDictionary<GrainId, byte> _streams = new();

    public int Count => _streams.Count;

    public IReadOnlyCollection<GrainId> All => [.. _streams.Keys];

    public void Add(GrainId stream) => _streams[stream] = 0;

    public void Remove(GrainId stream) => _streams.TryRemove(stream, out _);
}
