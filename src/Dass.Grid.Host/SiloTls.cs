using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Orleans.Configuration;
using Orleans.Connections.Security;

namespace Dass.Grid.Host;

/// <summary>
/// TLS on the silo port, mutual: every process of the grid, silo or gateway, shows a certificate that the grid's authority has signed, to
/// those that it connects to and to those that connect to it. Addresses of processes change, so certificates' names do not count: what the
/// authority has signed may join.
/// </summary>
internal sealed partial class SiloTls
{
    private readonly CertificateFiles _files;
    private readonly ILogger _logger;

    /// <exception cref="CertificateException">A file cannot be used; the message names it.</exception>
    public SiloTls(GridOptions grid, TimeProvider time, ILogger<SiloTls> logger)
    {
        _files = new CertificateFiles(
            "Grid:SiloCertificate", grid.SiloCertificate!, grid.SiloCertificateKey, grid.SiloAuthority, time, logger, OwnProblem);
        _logger = logger;
    }

    /// <summary>New connections only: those that stand keep the certificates that they began with.</summary>
    public void Configure(SiloConnectionOptions connections)
    {
        connections.ConfigureSiloInboundConnection(inbound =>
        {
            inbound.Use((connection, next) => WatchAsync(connection, next, LogRefused));
            inbound.UseServerTls(Options());
        });
        connections.ConfigureSiloOutboundConnection(outbound =>
        {
            outbound.Use((connection, next) => WatchAsync(connection, next, LogUnreachable));
            outbound.UseClientTls(Options());
        });
    }

    private TlsOptions Options() => new()
    {
        // Required, and replaced in each handshake by the certificate with its chain.
        LocalServerCertificateSelector = (_, _) => _files.Current.Own.TargetCertificate,
        RemoteCertificateMode = RemoteCertificateMode.RequireCertificate,
        ClientCertificateMode = RemoteCertificateMode.NoCertificate,
        RemoteCertificateValidation = IsOfTheGrid,
        OnAuthenticateAsServer = (_, handshake) =>
        {
            var certificate = _files.Current;
            var options = (SslServerAuthenticationOptions)handshake.SslServerAuthenticationOptions;
            options.ServerCertificateSelectionCallback = null;
            options.ServerCertificateContext = certificate.Own;
            options.CertificateChainPolicy = certificate.Policy(TlsCertificate.Client);
        },
        OnAuthenticateAsClient = (_, handshake) =>
        {
            var certificate = _files.Current;
            var options = (SslClientAuthenticationOptions)handshake.SslClientAuthenticationOptions;
            options.ClientCertificateContext = certificate.Own;
            options.CertificateChainPolicy = certificate.Policy(TlsCertificate.Server);
        },
    };

    private bool IsOfTheGrid(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        var broken = errors & ~SslPolicyErrors.RemoteCertificateNameMismatch;
        if (broken != SslPolicyErrors.None)
        {
            LogForeign(certificate.Subject, Statuses(chain) is { Length: > 0 } statuses ? statuses : $"{broken}");
        }
        return broken == SslPolicyErrors.None;
    }

    /// <summary>A process whose own certificate no other would take is told so at its start, not by silence.</summary>
    private static string? OwnProblem(TlsCertificate certificate)
    {
        using var chain = new X509Chain { ChainPolicy = certificate.Policy(TlsCertificate.Server, TlsCertificate.Client) };
        chain.ChainPolicy.ExtraStore.AddRange(certificate.Chain);
        return chain.Build(certificate.Own.TargetCertificate)
            ? null
            : "the certificate must be signed by Grid:SiloAuthority and serve as a server's and a client's "
                + $"({certificate.Own.TargetCertificate.Subject}: {Statuses(chain)}).";
    }

    private static string Statuses(X509Chain? chain) =>
        string.Join(", ", chain?.ChainStatus.Select(status => status.Status).Distinct() ?? []);

    private static async Task WatchAsync(ConnectionContext connection, Func<Task> next, Action<System.Net.EndPoint?> log)
    {
        try
        {
            await next().ConfigureAwait(false);
        }
        finally
        {
            if (connection.Features.Get<ITlsHandshakeFeature>() is null or { Protocol: SslProtocols.None })
            {
                log(connection.RemoteEndPoint);
            }
        }
    }
}
