using Grpc.Core;

namespace Dass.Grid.Client;

/// <summary>
/// Within a message the gRPC client has no status for a connection that ends: its reads and writes then fail as those of a file do.
/// </summary>
internal static class BrokenConnection
{
    /// <exception cref="RpcException">UNAVAILABLE: the connection has ended. Other statuses are the grid's.</exception>
    public static async Task AsStatusAsync(Task work)
    {
        try
        {
            await work.ConfigureAwait(false);
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, broken.Message, broken));
        }
    }

    /// <inheritdoc cref="AsStatusAsync(Task)"/>
    public static async Task<T> AsStatusAsync<T>(Task<T> work)
    {
        await AsStatusAsync((Task)work).ConfigureAwait(false);
        return await work.ConfigureAwait(false);
    }
}
