using System.Collections.Concurrent;

namespace Dass.Grid.Grains.Placement;

/// <summary>The streams of this silo that are nowhere else: what has to move when it stops. Thread-safe.</summary>
public sealed class LocalStreams
{
    private readonly ConcurrentDictionary<GrainId, string> _live = new(); // and its model
    private readonly ConcurrentDictionary<GrainId, byte> _owing = new();
    private readonly ConcurrentDictionary<GrainId, object> _leaving = new();

    /// <summary>Slots that are taken.</summary>
    public int Count => _live.Count;

    /// <summary>Those that hold a slot.</summary>
    public IReadOnlyCollection<GrainId> Live => [.. _live.Keys];

    /// <summary>Those that hold a slot, and those whose end the store does not have.</summary>
    public IReadOnlyCollection<GrainId> Unmoved => [.. _live.Keys.Union(_owing.Keys)];

    /// <summary>Whether a stream is here, or on its way and not yet arrived.</summary>
    public bool Holds(GrainId stream) => _live.ContainsKey(stream) || _owing.ContainsKey(stream) || _leaving.ContainsKey(stream);

    /// <summary>The model of a stream that holds a slot; null: it holds none.</summary>
    public string? ModelOf(GrainId stream) => _live.GetValueOrDefault(stream);

    public void Add(GrainId stream, string model) => _live[stream] = model;

    public void Remove(GrainId stream) => _live.TryRemove(stream, out _);

    /// <summary>The stream has ended while the store was away.</summary>
    public void AddOwing(GrainId stream) => _owing[stream] = 0;

    public void RemoveOwing(GrainId stream) => _owing.TryRemove(stream, out _);

    /// <param name="stream">Which.</param>
    /// <param name="activation">The one that goes; the stream may be back in another before <see cref="EndMove"/> is called.</param>
    public void BeginMove(GrainId stream, object activation) => _leaving[stream] = activation;

    public void EndMove(GrainId stream, object activation) => _leaving.TryRemove(KeyValuePair.Create(stream, activation));
}
