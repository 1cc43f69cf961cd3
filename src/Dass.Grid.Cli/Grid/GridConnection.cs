using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Dass.Grid.Client;
using Dass.Grid.Host;

namespace Dass.Grid.Cli.Grid;

/// <summary>A grid to talk to: one that runs somewhere, or one that this process starts and stops.</summary>
internal sealed class GridConnection : IAsyncDisposable
{
    public const string KeyVariable = "DASS_API_KEY";

    private const string CertificateVariable = "DASS_CERTIFICATE_FILE";

    private readonly EmbeddedGrid? _embedded;

    private GridConnection(Uri address, EmbeddedGrid? embedded, string? key, X509Certificate2? certificate = null) =>
        (_embedded, Client) = (embedded, new GridClient(address, key, certificate));

    public GridClient Client { get; }

    /// <summary>What a person should know of a proxy when the grid that was opened last cannot be reached. Empty: there is none.</summary>
    public static string ProxyNote { get; private set; } = "";

    /// <param name="address">Where gRPC answers.</param>
    /// <param name="keyFile">File with the tenant's key; null: the variable <see cref="KeyVariable"/>, if it is set.</param>
    /// <exception cref="IOException">The file cannot be read or holds no key; or that of a client certificate, which
    /// <see cref="CertificateVariable"/> names.</exception>
    public static GridConnection Open(Uri address, string? keyFile)
    {
        ProxyNote = GridClient.ProxyVariable(address) is { } variable
            ? $" The connection goes through the proxy that the variable {variable} names; no_proxy takes the grid's host out of it."
            : "";
        return new GridConnection(
            address,
            embedded: null,
            keyFile is null ? Environment.GetEnvironmentVariable(KeyVariable)?.Trim() : ReadKey(keyFile),
            ReadCertificate());
    }

    /// <param name="model">Model directory; null: the built-in model.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <param name="streams">Streams that must find room; null: the grid's default.</param>
    public static async Task<GridConnection> EmbedAsync(string? model, CancellationToken cancellationToken, int? streams = null)
    {
        var options = new EmbeddedGridOptions { ModelDirectory = model };
        var embedded = await EmbeddedGrid.StartAsync(
            options with { MaxStreams = streams ?? options.MaxStreams }, cancellationToken).ConfigureAwait(false);
        return new GridConnection(embedded.Address, embedded, key: null);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        if (_embedded is not null)
        {
            await _embedded.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static X509Certificate2? ReadCertificate()
    {
        if (Environment.GetEnvironmentVariable(CertificateVariable) is not { Length: > 0 } file)
        {
            return null;
        }
        try
        {
            using var pem = X509Certificate2.CreateFromPemFile(file);
            return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null); // binds the key to the process
        }
        catch (CryptographicException broken)
        {
            throw new IOException(
                $"{CertificateVariable} is {file}; it must be a PEM file with a certificate and its key. {broken.Message}");
        }
    }

    private static string ReadKey(string file)
    {
        var key = File.ReadAllText(file).Trim();
        return key.Length > 0 && !key.Any(char.IsControl)
            ? key
            : throw new IOException($"--api-key-file {file}: it must hold one line, the key.");
    }
}
