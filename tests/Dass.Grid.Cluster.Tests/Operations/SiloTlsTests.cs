using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Host;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>TLS between the processes of a grid.</summary>
public sealed class SiloTlsTests : IDisposable
{
    private readonly Certificates _certificates = new();
    private readonly RecordedLog _log = new(LogLevel.Warning);

    public SiloTlsTests() => _certificates.WriteSilo();

    public void Dispose()
    {
        _certificates.Dispose();
        _log.Dispose();
    }

    [Fact]
    public async Task Processes_with_certificates_of_one_authority_are_a_grid()
    {
        var settings = _certificates.OfSilo;
        settings["Grid:Role"] = "silo";
        settings["Grid:Models:tiny:ModelDirectory"] = TestGrid.TinyModel;
        settings["Grid:Models:tiny:Threads"] = "1";
        await using var silo = await EmbeddedGrid.StartAsync(settings, configure: null);

        var gatewaySettings = _certificates.OfSilo;
        gatewaySettings["Grid:Role"] = "gateway";
        gatewaySettings["Grid:PrimarySilo"] = $"127.0.0.1:{silo.SiloPort}";
        await using var gateway = await TestGrid.StartAsync(gatewaySettings);
        await gateway.ReadyAsync();

        using var feed = await Feed.BeginAsync(gateway.Client, Babble.Config("secret"));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());

        using var shown = await ShownAsync(silo, _certificates.SiloFile);
        Assert.Equal("CN=silo", shown.Subject);
        using var shownByGateway = await ShownAsync(gateway.Host, _certificates.SiloFile);
        Assert.Equal("CN=silo", shownByGateway.Subject);
    }

    [Fact]
    public async Task A_silo_without_a_certificate_does_not_join()
    {
        await using var grid = await StartAsync();
        await DoesNotJoinAsync(grid, [], "was refused at the silo port: it came without TLS");
    }

    [Fact]
    public async Task A_silo_with_a_certificate_of_another_authority_does_not_join()
    {
        using var others = new Certificates();
        others.WriteSilo("stranger");
        await using var grid = await StartAsync();

        // It trusts the grid, so that the refusal is the grid's.
        File.AppendAllText(others.AuthorityFile, "\n" + File.ReadAllText(_certificates.AuthorityFile));
        await DoesNotJoinAsync(grid, others.OfSilo, "The certificate CN=stranger of another process is not one of this grid's");
    }

    [Fact]
    public async Task A_certificate_that_others_would_not_take_stops_the_start()
    {
        using var others = new Certificates();
        others.WriteSilo("stranger");
        var settings = _certificates.OfSilo;
        settings["Grid:SiloCertificate"] = others.SiloFile;
        var refusal = await Assert.ThrowsAnyAsync<Exception>(() => TestGrid.StartAsync(settings));
        Assert.Contains("the certificate must be signed by Grid:SiloAuthority", refusal.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_shows_a_certificate_of_the_authority()
    {
        using var others = new Certificates();
        others.WriteSilo("stranger");
        await using var grid = await StartAsync();
        await IsClosedAsync(grid.Host, others.SiloFile);
        await IsClosedAsync(grid.Host, certificate: null);
        await TestGrid.UntilAsync(() => _log.Entries.Count(entry => entry.Contains("was refused at the silo port")) >= 2);
        Assert.Contains(_log.Entries, entry => entry.Contains("The certificate CN=stranger of another process is not one of this grid's"));
    }

    [Fact]
    public async Task New_connections_use_a_renewed_certificate()
    {
        await using var grid = await StartAsync();
        _certificates.WriteSilo("renewed");
        File.SetLastWriteTimeUtc(_certificates.SiloFile, DateTime.UnixEpoch); // clocks of file systems are coarse
        await TestGrid.UntilAsync(async () =>
        {
            using var shown = await ShownAsync(grid.Host, _certificates.SiloFile);
            return shown.Subject == "CN=renewed";
        });
        await using var joined = await grid.StartSiloAsync(_certificates.OfSilo);
        await TestGrid.UntilAsync(async () => await MembersAsync(grid) == 2);
    }

    private Task<TestGrid> StartAsync() =>
        TestGrid.StartAsync(_certificates.OfSilo, builder => builder.Services.AddSingleton<ILoggerProvider>(_log));

    /// <summary>Starts a silo, and stops it when the grid or the silo itself has logged why it does not join.</summary>
    private async Task DoesNotJoinAsync(TestGrid grid, Dictionary<string, string?> settings, string line)
    {
        settings["Grid:Role"] = "silo";
        settings["Grid:PrimarySilo"] = $"127.0.0.1:{grid.Host.SiloPort}";
        settings["Grid:Models:tiny:ModelDirectory"] = TestGrid.TinyModel;
        settings["Grid:Models:tiny:Threads"] = "1";
        using var stop = new CancellationTokenSource();
        var start = EmbeddedGrid.StartAsync(settings, builder => builder.Services.AddSingleton<ILoggerProvider>(_log), stop.Token);
        await TestGrid.UntilAsync(() => _log.Entries.Any(entry => entry.Contains(line, StringComparison.Ordinal)));
        Assert.False(start.IsCompletedSuccessfully);
        Assert.Equal(1, await MembersAsync(grid));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => start);
        Assert.Equal(1, await MembersAsync(grid));
    }

    private static async Task<int> MembersAsync(TestGrid grid) =>
        (await grid.Host.Grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true)).Count;

    /// <summary>The certificate that a silo port shows to a process that shows one.</summary>
    private static async Task<X509Certificate2> ShownAsync(EmbeddedGrid silo, string certificate)
    {
        using var socket = new TcpClient();
        await using var tls = await ConnectAsync(silo, socket, certificate);
        return X509CertificateLoader.LoadCertificate(tls.RemoteCertificate!.GetRawCertData());
    }

    /// <summary>A client has finished its part of the handshake before the server has looked at its certificate.</summary>
    private static async Task IsClosedAsync(EmbeddedGrid silo, string? certificate)
    {
        using var patience = new CancellationTokenSource(TestGrid.Patience);
        using var socket = new TcpClient();
        try
        {
            await using var tls = await ConnectAsync(silo, socket, certificate);
            Assert.Equal(0, await tls.ReadAsync(new byte[1], patience.Token));
        }
        catch (Exception closed) when (closed is IOException or AuthenticationException)
        {
        }
    }

    private static async Task<SslStream> ConnectAsync(EmbeddedGrid silo, TcpClient socket, string? certificate)
    {
        await socket.ConnectAsync("127.0.0.1", silo.SiloPort);
        var tls = new SslStream(socket.GetStream(), false, (_, _, _, _) => true);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "silo",
            ClientCertificates = certificate is null ? null : [Pem(certificate)],
        });
        return tls;
    }

    private static X509Certificate2 Pem(string file)
    {
        using var pem = X509Certificate2.CreateFromPemFile(file);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }
}
