namespace Dass.Grid.Host;

/// <summary>A whole grid in this process: silo and gateway on free loopback ports, no keys, nothing written to the console.</summary>
public sealed class EmbeddedGrid : IAsyncDisposable
{
    /// <summary>Starts silo and gateway. The model is loaded and warmed when this returns.</summary>
    /// <exception cref="Engine.ModelLoadException">The model directory cannot be used; the message lists every problem.</exception>
    public static Task<EmbeddedGrid> StartAsync(EmbeddedGridOptions options, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>Where gRPC answers (HTTP/2 without TLS), e.g. <c>http://127.0.0.1:40123</c>.</summary>
    public Uri Address => throw new NotImplementedException();

    /// <summary>Where /healthz/live, /healthz/ready and /metrics answer (HTTP/1).</summary>
    public Uri OperationsAddress => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
