using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Host;

/// <summary>A certificate of TLS, by files that are read again when they change: certificates are renewed while the grid runs.</summary>
internal sealed partial class CertificateFiles
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly string _setting;
    private readonly string _certificate;
    private readonly string _key;
    private readonly string? _authorities;
    private readonly Func<TlsCertificate, string?> _problem;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private TlsCertificate _current;
    private (DateTime Certificate, DateTime Key, DateTime Authorities) _written;
    private long _looked;

    /// <param name="setting">Name of the setting that names the certificate, for messages.</param>
    /// <param name="certificate">PEM: the certificate, then what leads to its root.</param>
    /// <param name="key">PEM; null: in the same file.</param>
    /// <param name="authorities">PEM: the authorities that sign the certificates of those who connect; null: none.</param>
    /// <param name="time">When to look for changes.</param>
    /// <param name="logger">Takes warnings of files that cannot be used.</param>
    /// <param name="problem">Why a certificate that could be read cannot be used, or null. Default: each can.</param>
    /// <exception cref="CertificateException">A file cannot be used; the message names it.</exception>
    public CertificateFiles(
        string setting, string certificate, string? key, string? authorities, TimeProvider time, ILogger logger,
        Func<TlsCertificate, string?>? problem = null)
    {
        (_setting, _certificate, _key, _authorities) = (setting, certificate, key ?? certificate, authorities);
        (_time, _logger, _problem) = (time, logger, problem ?? (_ => null));
        (_written, _current, _looked) = (Written(), Read(), time.GetTimestamp());
    }

    /// <summary>What the next connection is answered with. Files that have become unusable leave it as it was.</summary>
    public TlsCertificate Current
    {
        get
        {
            lock (_gate)
            {
                if (_time.GetElapsedTime(_looked) >= Interval)
                {
                    Look();
                    _looked = _time.GetTimestamp();
                }
                return _current;
            }
        }
    }

    private void Look()
    {
        var written = Written();
        if (written == _written)
        {
            return;
        }
        try
        {
            (_current, _written) = (Read(), written);
            LogRead(_certificate);
        }
        catch (CertificateException unusable)
        {
            LogUnusable(unusable.Message);
        }
    }

    private (DateTime Certificate, DateTime Key, DateTime Authorities) Written() =>
        (FollowedFile.WrittenUtc(_certificate), FollowedFile.WrittenUtc(_key), FollowedFile.WrittenUtc(_authorities ?? _key));

    private TlsCertificate Read()
    {
        try
        {
            using var pem = X509Certificate2.CreateFromPemFile(_certificate, _key);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(_certificate);
            chain.RemoveAt(0); // itself
            var authorities = new X509Certificate2Collection();
            if (_authorities is not null)
            {
                authorities.ImportFromPemFile(_authorities);
                if (authorities.Count == 0)
                {
                    throw new CryptographicException($"{_authorities} holds no certificate.");
                }
            }
            // A key that was read from PEM is bound to the process by a round trip through PKCS #12.
            var own = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
            var read = new TlsCertificate(SslStreamCertificateContext.Create(own, chain, offline: true), chain, authorities);
            return _problem(read) is { } problem ? throw new CryptographicException(problem) : read;
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            var files = string.Join(", ", new[] { _certificate, _key, _authorities }.Where(file => file is not null).Distinct());
            throw new CertificateException($"{_setting} ({files}) cannot be used: {unusable.Message}");
        }
    }
}

/// <summary>A certificate's file cannot be used.</summary>
internal sealed class CertificateException(string message) : InvalidOperationException(message);
