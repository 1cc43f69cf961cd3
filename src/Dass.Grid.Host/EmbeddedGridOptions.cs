namespace Dass.Grid.Host;

/// <summary>What a grid in the caller's own process serves.</summary>
public sealed record EmbeddedGridOptions
{
    /// <summary>Model directory in Hugging Face layout. Default: null, the built-in model.</summary>
    public string? ModelDirectory { get; init; }

    /// <summary>Dedicated threads that run steps. Default: 0, one per core.</summary>
    public int Threads { get; init; }

    /// <summary>Streams that can be live at once. Default: 256.</summary>
    public int MaxStreams { get; init; } = 256;

    /// <summary>
    /// Loopback port of the console and of clients without gRPC; 0: a free one. Default: null, there is none.
    /// </summary>
    public int? HttpPort { get; init; }
}
