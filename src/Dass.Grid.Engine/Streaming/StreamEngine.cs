using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Streaming;

/// <summary>Everything that one model needs to serve streams on this machine: step model, state arena, batcher with its threads.</summary>
public sealed class StreamEngine : IAsyncDisposable
{
    /// <summary>Loads the model, warms the allowed batch sizes and starts the threads.</summary>
    /// <exception cref="ModelLoadException">The model directory cannot be used; the message lists every problem.</exception>
    public static Task<StreamEngine> StartAsync(EngineOptions options, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    public DassModel Model => throw new NotImplementedException();

    /// <summary>Slots in all, and slots that streams hold now.</summary>
    public (int Capacity, int Used) Slots => throw new NotImplementedException();

    /// <summary>Begins a stream.</summary>
    /// <exception cref="AudioFormatException">The format breaks a rule.</exception>
    /// <exception cref="NoFreeSlotException">Every slot is taken.</exception>
    public StreamSession Open(AudioFormat format, StreamSessionOptions options) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
