using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Dass.Grid.Host;

/// <summary>The certificates of TLS, by files that are read again when they change: certificates are renewed while the grid runs.</summary>
internal sealed partial class CertificateFiles
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly string _certificate;
    private readonly string _key;
    private readonly string? _authorities;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private SslServerAuthenticationOptions _current;
    private DateTime _written;
    private long _looked;

    /// <param name="certificate">PEM: the certificate, then what leads to its root.</param>
    /// <param name="key">PEM; null: in the same file.</param>
    /// <param name="authorities">PEM: the authorities that sign clients' certificates; null: clients are asked for none.</param>
    /// <param name="time">When to look for changes.</param>
    /// <param name="logger">Takes warnings of files that cannot be used.</param>
    /// <exception cref="InvalidOperationException">A file cannot be used; the message names it.</exception>
    public CertificateFiles(string certificate, string? key, string? authorities, TimeProvider time, ILogger logger)
    {
        (_certificate, _key, _authorities, _time, _logger) = (certificate, key ?? certificate, authorities, time, logger);
        (_written, _current, _looked) = (Written(), Read(), time.GetTimestamp());
    }

    /// <summary>What the next connection is answered with. Files that have become unusable leave it as it was.</summary>
    public SslServerAuthenticationOptions Current
    {
        get
        {
            lock (_gate)
            {
                if (_time.GetElapsedTime(_looked) >= Interval && Written() is var written && written != _written)
                {
                    try
                    {
                        (_current, _written) = (Read(), written);
                        LogRead(_certificate);
                    }
                    catch (InvalidOperationException unusable)
                    {
                        LogUnusable(unusable.Message);
                    }
                    _looked = _time.GetTimestamp();
                }
                return _current;
            }
        }
    }

    private DateTime Written() => new[] { _certificate, _key, _authorities ?? _key }.Max(File.GetLastWriteTimeUtc);

    private SslServerAuthenticationOptions Read()
    {
        try
        {
            using var pem = X509Certificate2.CreateFromPemFile(_certificate, _key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(_certificate);
            var authorities = new X509Certificate2Collection();
            if (_authorities is not null)
            {
                authorities.ImportFromPemFile(_authorities);
                if (authorities.Count == 0)
                {
                    throw new CryptographicException($"{_authorities} holds no certificate.");
                }
            }
            return new SslServerAuthenticationOptions
            {
                // A key that was read from PEM is bound to the process by a round trip through PKCS #12.
                ServerCertificateContext = SslStreamCertificateContext.Create(
                    X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null), [.. chain.Skip(1)], offline: true),
                ClientCertificateRequired = _authorities is not null,
                RemoteCertificateValidationCallback = _authorities is null
                    ? null
                    : (_, certificate, _, _) => certificate is null || IsSigned(certificate, authorities),
            };
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new InvalidOperationException(
                $"Grid:Certificate ({_certificate}), Grid:CertificateKey ({_key}) or Grid:ClientAuthority ({_authorities}) "
                + $"cannot be used: {unusable.Message}");
        }
    }

    private static bool IsSigned(X509Certificate certificate, X509Certificate2Collection authorities)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        return chain.Build((X509Certificate2)certificate);
    }
}
