using System.Net;
using System.Net.Sockets;
using Dass.Grid.Contracts;
using Dass.Grid.Grains.Models;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace Dass.Grid.Host;

/// <summary>A whole grid in this process: silo and gateway on free loopback ports, no keys, nothing written to the console.</summary>
public sealed class EmbeddedGrid : IAsyncDisposable
{
    private const int FirstPort = 20_000, Ports = 10_000;

    private static int _lastPort = Random.Shared.Next(Ports);

    private readonly WebApplication _app;

    private EmbeddedGrid(WebApplication app)
    {
        _app = app;
        Address = new Uri(app.Urls.First());
        OperationsAddress = new Uri(app.Urls.Last());
        HttpAddress = app.Urls.Count > 2 ? new Uri(app.Urls.ElementAt(1)) : null;
    }

    /// <summary>Where gRPC answers (HTTP/2 without TLS), e.g. <c>http://127.0.0.1:40123</c>.</summary>
    public Uri Address { get; }

    /// <summary>Where /healthz/live, /healthz/ready and /metrics answer (HTTP/1).</summary>
    public Uri OperationsAddress { get; }

    /// <summary>Where the console and clients without gRPC are answered (HTTP/1); null: nowhere.</summary>
    public Uri? HttpAddress { get; }

    internal IServiceProvider Services => _app.Services;

    internal IGrainFactory Grains => Services.GetRequiredService<IGrainFactory>();

    /// <summary>Port for other silos of this grid.</summary>
    internal int SiloPort => _app.Services.GetRequiredService<IOptions<EndpointOptions>>().Value.SiloPort;

    /// <summary>Starts silo and gateway. The model is loaded and warmed when this returns.</summary>
    /// <exception cref="Engine.ModelLoadException">The model directory cannot be used; the message lists every problem.</exception>
    public static Task<EmbeddedGrid> StartAsync(EmbeddedGridOptions options, CancellationToken cancellationToken = default)
    {
        var model = options.ModelDirectory is { } directory ? ModelName(directory) : ModelRegistryOptions.BuiltIn;
        return StartAsync(
            new()
            {
                [$"Grid:Models:{model}:ModelDirectory"] = options.ModelDirectory,
                [$"Grid:Models:{model}:Threads"] = $"{options.Threads}",
                [$"Grid:Models:{model}:MaxStreams"] = $"{options.MaxStreams}",
                ["Grid:HttpListen"] = options.HttpPort is { } port ? $"http://127.0.0.1:{port}" : "",
            },
            configure: null,
            cancellationToken);
    }

    /// <param name="settings">Configuration keys; ports that they do not name are free ones.</param>
    /// <param name="configure">Changes what has been composed.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    internal static async Task<EmbeddedGrid> StartAsync(
        Dictionary<string, string?> settings, Action<WebApplicationBuilder>? configure, CancellationToken cancellationToken = default)
    {
        settings.TryAdd("Grid:Listen", "http://127.0.0.1:0");
        settings["Grid:OperationsListen"] = "http://127.0.0.1:0";
        settings["Grid:SiloPort"] = $"{FreePort()}";
        settings.TryAdd("Grid:Store", "memory");
        settings.TryAdd("Grid:HttpListen", "");
        var builder = WebApplication.CreateBuilder();
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(settings);
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        configure?.Invoke(builder);
        var app = GridHost.Compose(builder);
        try
        {
            await app.StartAsync(cancellationToken);
            return new EmbeddedGrid(app);
        }
        catch
        {
            await StopStartedAsync(app);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>The directory's own name, with an underscore for each character that a model's name must not have.</summary>
    internal static string ModelName(string directory)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)));
        var allowed = string.Concat(name.Take(StreamId.MaxNameLength).Select(c => StreamId.IsName($"{c}") ? c : '_'));
        return allowed.Length > 0 ? allowed : "model"; // the root of a file system has no name
    }

    /// <summary>
    /// Stops what has started of a grid whose start has failed. Orleans refuses to stop a silo that never ran; disposed all the same, the
    /// loop of its directory would keep a core busy for ever (10.4.2), so that one is left to wait for the end of the process.
    /// </summary>
    private static async Task StopStartedAsync(WebApplication app)
    {
        try
        {
            await app.StopAsync(CancellationToken.None);
        }
        catch (Exception)
        {
            return; // the caller has the reason of the start
        }
        await app.DisposeAsync();
    }

    /// <summary>
    /// A port of loopback on which nothing listens. It lies below those that Linux gives to outgoing connections, so that none of them
    /// takes it before it is used.
    /// </summary>
    internal static int FreePort()
    {
        for (var tries = 0; tries < Ports; tries++)
        {
            var port = FirstPort + (int)((uint)Interlocked.Increment(ref _lastPort) % Ports);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // It is taken: the next one.
            }
        }
        throw new IOException($"no port of 127.0.0.1 from {FirstPort} to {FirstPort + Ports - 1} is free.");
    }

    /// <summary>The process and its signals belong to the caller.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
