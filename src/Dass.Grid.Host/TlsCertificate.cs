using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Dass.Grid.Host;

/// <summary>A certificate with its key, and the authorities that must have signed that of the other side.</summary>
/// <param name="Own">What this process shows.</param>
/// <param name="Chain">What leads from it to its root.</param>
/// <param name="Authorities">Empty: the other side needs no certificate.</param>
internal sealed record TlsCertificate(
    SslStreamCertificateContext Own, X509Certificate2Collection Chain, X509Certificate2Collection Authorities)
{
    /// <summary>Extended key usage of a certificate that a server shows.</summary>
    public const string Server = "1.3.6.1.5.5.7.3.1";

    /// <summary>Extended key usage of a certificate that a client shows.</summary>
    public const string Client = "1.3.6.1.5.5.7.3.2";

    /// <summary>Trusts the authorities alone, fetches nothing from the network, and looks into no revocation list.</summary>
    /// <param name="uses">What the certificate must be for.</param>
    public X509ChainPolicy Policy(params ReadOnlySpan<string> uses)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(Authorities);
        foreach (var use in uses)
        {
            policy.ApplicationPolicy.Add(new Oid(use));
        }
        return policy;
    }
}
