using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Tenants;

public sealed class CertificateTests : IAsyncLifetime
{
    private const string AnnesKey = "anne-0123456789abcdef";

    private readonly Certificates _certificates = new();
    private TestGrid _grid = null!;

    public async Task InitializeAsync()
    {
        _certificates.WriteServer();
        _grid = await TestGrid.StartAsync(new()
        {
            ["Grid:Listen"] = "https://127.0.0.1:0",
            ["Grid:Certificate"] = _certificates.ServerFile,
            ["Grid:ClientAuthority"] = _certificates.AuthorityFile,
            ["Tenants:anne:KeyHashes:0"] = KeyHash.Create(AnnesKey).ToString(),
            ["Tenants:bob:Limits:LiveStreams"] = "5",
        });
    }

    public async Task DisposeAsync()
    {
        await _grid.DisposeAsync();
        _certificates.Dispose();
    }

    [Fact]
    public async Task A_key_works_over_TLS()
    {
        using var channel = Channel();
        var key = new Metadata { { "authorization", $"Bearer {AnnesKey}" } };
        Assert.Single((await new Tagging.TaggingClient(channel).ListModelsAsync(new ListModelsRequest(), key)).Models);
        await TestGrid.RefusesAsync(StatusCode.Unauthenticated, "needs an API key", () => List(channel));
    }

    [Fact]
    public async Task A_certificate_is_its_tenants_credential()
    {
        using var certificate = _certificates.ClientOf("bob");
        using var channel = Channel(certificate);
        using var feed = await Feed.BeginAsync(new Tagging.TaggingClient(channel), Babble.Config("his"));
        Assert.Equal(
            "his", Assert.Single((await new Tagging.TaggingClient(channel).ListStreamsAsync(new ListStreamsRequest())).Streams).StreamId);
    }

    [Fact]
    public async Task The_command_line_brings_a_certificate_and_trusts_the_systems_authorities()
    {
        string[] arguments = ["stream", Cli.Dass.Babble, "--grid", _grid.Host.Address.ToString(), "--stream-id", "his"];
        using var certificate = _certificates.ClientOf("bob");
        var file = Path.Combine(Path.GetDirectoryName(_certificates.AuthorityFile)!, "bob.pem");
        await File.WriteAllTextAsync(
            file, $"{certificate.ExportCertificatePem()}\n{certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()}\n");
        using (var dass = Cli.Dass.Start([("SSL_CERT_FILE", _certificates.AuthorityFile), ("DASS_CERTIFICATE_FILE", file)], arguments))
        {
            var result = await dass.ResultAsync();
            Assert.True(result.ExitCode == 0, result.Errors);
        }
        using (var stranger = Cli.Dass.Start([("DASS_CERTIFICATE_FILE", file)], arguments))
        {
            Assert.Equal(1, (await stranger.ResultAsync()).ExitCode); // no authority that it knows vouches for the grid
        }
        using var broken = Cli.Dass.Start([("DASS_CERTIFICATE_FILE", _certificates.AuthorityFile)], arguments);
        Assert.Contains("DASS_CERTIFICATE_FILE is", (await broken.ResultAsync()).Errors);
    }

    [Fact]
    public async Task A_certificate_whose_name_is_no_tenants_is_refused()
    {
        using var certificate = _certificates.ClientOf("mallory");
        using var channel = Channel(certificate);
        await TestGrid.RefusesAsync(StatusCode.Unauthenticated, "'mallory', which is no tenant", () => List(channel));
    }

    [Theory]
    [InlineData("OU=bob")]
    [InlineData("CN=mallory, CN=bob")]
    public async Task A_certificate_without_one_common_name_names_no_tenant(string subject)
    {
        using var certificate = _certificates.ClientNamed(subject);
        using var channel = Channel(certificate);
        await TestGrid.RefusesAsync(StatusCode.Unauthenticated, "no common name, or several", () => List(channel));
    }

    [Fact]
    public async Task A_certificate_of_another_authority_makes_no_connection()
    {
        using var others = new Certificates();
        using var certificate = others.ClientOf("bob");
        using var channel = Channel(certificate);
        await Assert.ThrowsAsync<RpcException>(() => List(channel));
    }

    [Fact]
    public void A_renewed_certificate_is_used_and_a_broken_one_is_not()
    {
        var time = new FakeTimeProvider();
        var files = Files(_certificates.ServerFile, time);
        var first = Subject(files);
        Replace(() => _certificates.WriteServer("renewed"));
        Assert.Equal(first, Subject(files)); // not looked at yet
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("CN=renewed", Subject(files));
        Replace(() => File.WriteAllText(_certificates.ServerFile, "half a certif"));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal("CN=renewed", Subject(files));

        void Replace(Action write)
        {
            var before = File.GetLastWriteTimeUtc(_certificates.ServerFile);
            write();
            File.SetLastWriteTimeUtc(_certificates.ServerFile, before.AddSeconds(1));
        }
    }

    /// <summary>The volume of a Secret: links to a link to the folder of the day, which alone is replaced.</summary>
    [Fact]
    public void A_certificate_is_renewed_behind_the_links_of_a_volume()
    {
        var volume = Directory.CreateTempSubdirectory("dass-volume-").FullName;
        var file = Path.Combine(volume, "tls.pem");
        var data = Path.Combine(volume, "..data");
        try
        {
            Directory.CreateSymbolicLink(data, Version("first"));
            File.CreateSymbolicLink(file, Path.Combine("..data", "tls.pem"));
            var time = new FakeTimeProvider();
            var files = Files(file, time);
            time.Advance(TimeSpan.FromSeconds(5));
            Assert.Equal("CN=first", Subject(files));

            Directory.Delete(data); // the link
            Directory.CreateSymbolicLink(data, Version("second"));
            time.Advance(TimeSpan.FromSeconds(4));
            Assert.Equal("CN=first", Subject(files)); // each look costs the disk: not at every connection
            time.Advance(TimeSpan.FromSeconds(5));
            Assert.Equal("CN=second", Subject(files));
        }
        finally
        {
            Directory.Delete(volume, recursive: true);
        }

        string Version(string name)
        {
            _certificates.WriteServer(name);
            var copy = Path.Combine(Directory.CreateDirectory(Path.Combine(volume, $"..{name}")).FullName, "tls.pem");
            File.Copy(_certificates.ServerFile, copy);
            File.SetLastWriteTimeUtc(copy, DateTime.UnixEpoch.AddDays(name.Length)); // clocks of file systems are coarse
            return $"..{name}";
        }
    }

    private static CertificateFiles Files(string file, TimeProvider time) =>
        new("Grid:Certificate", file, null, null, time, NullLogger.Instance);

    private static string Subject(CertificateFiles files) => files.Current.Own.TargetCertificate.Subject;

    private static async Task List(GrpcChannel channel) =>
        await new Tagging.TaggingClient(channel).ListStreamsAsync(new ListStreamsRequest());

    private GrpcChannel Channel(X509Certificate2? certificate = null) => GrpcChannel.ForAddress(_grid.Host.Address, new GrpcChannelOptions
    {
        DisposeHttpClient = true,
        HttpHandler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = certificate is null ? null : [certificate],
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { _certificates.Authority },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        },
    });
}
