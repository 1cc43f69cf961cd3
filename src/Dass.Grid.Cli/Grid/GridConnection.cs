using Dass.Grid.Host;
using Dass.Grid.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace Dass.Grid.Cli.Grid;

/// <summary>A grid to talk to: one that runs somewhere, or one that this process starts and stops.</summary>
internal sealed class GridConnection : IAsyncDisposable
{
    public const string KeyVariable = "DASS_API_KEY";

    private readonly GrpcChannel _channel;
    private readonly EmbeddedGrid? _embedded;

    private GridConnection(GrpcChannel channel, EmbeddedGrid? embedded)
    {
        _channel = channel;
        _embedded = embedded;
        Client = new Tagging.TaggingClient(channel);
        if (Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } key)
        {
            Headers.Add("authorization", $"Bearer {key}");
        }
    }

    public Tagging.TaggingClient Client { get; }

    public Metadata Headers { get; } = [];

    /// <param name="address">Null: start a grid in this process.</param>
    /// <param name="model">Model directory of a grid in this process.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<GridConnection> OpenAsync(Uri? address, string? model, CancellationToken cancellationToken)
    {
        if (address is not null && model is not null)
        {
            throw new ArgumentException("--model is for a grid inside this process; a grid elsewhere has its own models.");
        }
        var embedded = address is null ? await EmbeddedGrid.StartAsync(new EmbeddedGridOptions { ModelDirectory = model }, cancellationToken).ConfigureAwait(false) : null;
        return new GridConnection(GrpcChannel.ForAddress(address ?? embedded!.Address), embedded);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        if (_embedded is not null)
        {
            await _embedded.DisposeAsync().ConfigureAwait(false);
        }
    }
}
