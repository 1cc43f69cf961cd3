using System.Net;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>A body whose beginning is sent, and whose rest never comes.</summary>
internal sealed class HeldBackContent(byte[] beginning) : HttpContent
{
    private readonly TaskCompletionSource _rest = new();

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.WriteAsync(beginning);
        await stream.FlushAsync();
        await _rest.Task;
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    protected override void Dispose(bool disposing)
    {
        _rest.TrySetCanceled();
        base.Dispose(disposing);
    }
}
