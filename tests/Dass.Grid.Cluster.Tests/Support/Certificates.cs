using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>An authority that signs certificates into PEM files of a folder of its own.</summary>
internal sealed class Certificates : IDisposable
{
    private static readonly Oid Server = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid Client = new("1.3.6.1.5.5.7.3.2");

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();
    private readonly string _folder = Directory.CreateTempSubdirectory("dass-certificates-").FullName;

    public Certificates()
    {
        var request = new CertificateRequest("CN=authority", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        Authority = request.CreateSelfSigned(_now.AddDays(-1), _now.AddDays(1));
        File.WriteAllText(AuthorityFile, Authority.ExportCertificatePem());
    }

    public X509Certificate2 Authority { get; }

    public string AuthorityFile => Path.Combine(_folder, "authority.pem");

    public string ServerFile => Path.Combine(_folder, "server.pem");

    public string SiloFile => Path.Combine(_folder, "silo.pem");

    /// <summary>Writes certificate and key for 127.0.0.1.</summary>
    public void WriteServer(string name = "grid") => Write(ServerFile, Sign($"CN={name}", Server));

    /// <summary>Writes certificate and key of a process of the grid.</summary>
    public void WriteSilo(string name = "silo") => Write(SiloFile, Sign($"CN={name}", Server, Client));

    /// <summary>Settings of a process that shows the certificate of <see cref="SiloFile"/>.</summary>
    public Dictionary<string, string?> OfSilo => new() { ["Grid:SiloCertificate"] = SiloFile, ["Grid:SiloAuthority"] = AuthorityFile };

    public X509Certificate2 ClientOf(string tenant) => ClientNamed($"CN={tenant}");

    /// <param name="subject">X.500 name.</param>
    public X509Certificate2 ClientNamed(string subject)
    {
        using var certificate = Sign(subject, Client);
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }

    public void Dispose()
    {
        Authority.Dispose();
        _key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static void Write(string file, X509Certificate2 certificate)
    {
        using (certificate)
        {
            File.WriteAllText(
                file, $"{certificate.ExportCertificatePem()}\n{certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()}\n");
        }
    }

    private X509Certificate2 Sign(string subject, params Oid[] uses)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. uses], critical: true));
        using var signed = request.Create(Authority, _now.AddHours(-1), _now.AddHours(20), RandomNumberGenerator.GetBytes(8));
        return signed.CopyWithPrivateKey(key);
    }
}
