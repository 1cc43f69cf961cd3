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

    private GridConnection(Uri address, EmbeddedGrid? embedded, string? key)
    {
        _channel = GrpcChannel.ForAddress(address);
        _embedded = embedded;
        Client = new Tagging.TaggingClient(_channel);
        Admin = new Admin.AdminClient(_channel);
        if (!string.IsNullOrEmpty(key))
        {
            Headers.Add("authorization", $"Bearer {key}");
        }
    }

    public Tagging.TaggingClient Client { get; }

    public Admin.AdminClient Admin { get; }

    public Metadata Headers { get; } = [];

    /// <param name="address">Where gRPC answers.</param>
    /// <param name="keyFile">File with the tenant's key; null: the variable <see cref="KeyVariable"/>, if it is set.</param>
    /// <exception cref="IOException">The file cannot be read or holds no key.</exception>
    public static GridConnection Open(Uri address, string? keyFile) =>
        new(address, embedded: null, keyFile is null ? Environment.GetEnvironmentVariable(KeyVariable)?.Trim() : ReadKey(keyFile));

    /// <param name="model">Model directory; null: the built-in model.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    public static async Task<GridConnection> EmbedAsync(string? model, CancellationToken cancellationToken)
    {
        var embedded = await EmbeddedGrid.StartAsync(new EmbeddedGridOptions { ModelDirectory = model }, cancellationToken).ConfigureAwait(false);
        return new GridConnection(embedded.Address, embedded, key: null);
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        if (_embedded is not null)
        {
            await _embedded.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static string ReadKey(string file)
    {
        var key = File.ReadAllText(file).Trim();
        return key.Length > 0 && !key.Any(char.IsControl) ? key : throw new IOException($"--api-key-file {file}: it must hold one line, the key.");
    }
}
