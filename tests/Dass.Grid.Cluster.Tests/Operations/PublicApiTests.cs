using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>
/// What programs outside this repository are built on: the client library and the protos. A change that breaks them is a decision, so it
/// changes a fixture.
/// </summary>
public sealed class PublicApiTests
{
    [Fact]
    public void The_client_library_is_as_its_fixture_says() => AssertSame("client.txt", PublicApi.Of(typeof(GridClient).Assembly));

    [Fact]
    public void The_protos_are_as_their_fixture_says() =>
        AssertSame("protos.txt", ProtoApi.Of(TaggingReflection.Descriptor, AdminReflection.Descriptor));

    private static void AssertSame(string name, IEnumerable<string> api)
    {
        string[] lines = [.. api.Order(StringComparer.Ordinal)];
        var fixture = Path.Combine(Sources.Tests, "fixtures", "api", name);
        var known = File.Exists(fixture) ? File.ReadAllLines(fixture) : [];
        if (lines.SequenceEqual(known))
        {
            return;
        }
        var changed = Path.Combine(Directory.CreateTempSubdirectory("dass-api-").FullName, name);
        File.WriteAllLines(changed, lines);
        Assert.Fail(
            $"""
            The public API is not what {Path.GetRelativePath(Sources.Repository, fixture)} says:
            {string.Join('\n', known.Except(lines).Select(line => $"- {line}").Concat(lines.Except(known).Select(line => $"+ {line}")))}
            A change that is meant is made by copying the new text over the fixture: cp {changed} {fixture}
            """);
    }
}
