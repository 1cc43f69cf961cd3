namespace Dass.Grid.Engine.Streaming;

/// <summary>How one model is served on this machine.</summary>
public sealed class EngineOptions
{
    /// <summary>Directory in Hugging Face layout. Default: null, the built-in model.</summary>
    public string? ModelDirectory { get; set; }

    /// <summary>Streams that can be live at once: slots of the state arena. Default: 256.</summary>
    public int MaxStreams { get; set; } = 256;

    /// <summary>Dedicated threads that run steps. Default: 0, one per core.</summary>
    public int Threads { get; set; }
}
