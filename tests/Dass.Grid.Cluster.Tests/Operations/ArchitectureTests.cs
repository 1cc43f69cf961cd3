using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>The arrows of the design: who may know whom.</summary>
public sealed class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Contracts"] = [],
        ["Protocol"] = [],
        ["Client"] = ["Protocol"],
        ["Engine"] = [],
        ["Grains"] = ["Contracts", "Engine"],
        ["Gateway"] = ["Contracts", "Protocol"],
        ["Host"] = ["Gateway", "Grains"],
        ["Evaluation"] = ["Engine"],
        ["Cli"] = ["Client", "Engine", "Evaluation", "Host"],
    };

    [Fact]
    public void Projects_refer_to_each_other_only_along_the_arrows()
    {
        var found = Directory.EnumerateFiles(SourceDirectory(), "*.csproj", SearchOption.AllDirectories).ToDictionary(
            Name,
            project => XDocument.Load(project).Descendants("ProjectReference").Select(reference => Name((string)reference.Attribute("Include")!)).Order().ToArray());
        Assert.Equal(Arrows.Keys.Order(), found.Keys.Order());
        Assert.All(Arrows, arrow => Assert.Equal(arrow.Value, found[arrow.Key]));
    }

    [Theory]
    [InlineData("Engine", "Orleans", "Grpc.AspNetCore", "Microsoft.AspNetCore")]
    [InlineData("Gateway", "Microsoft.ML", "Dass.Grid.Engine", "Dass.Grid.Grains")]
    [InlineData("Client", "Orleans", "Microsoft.AspNetCore", "Microsoft.ML")]
    [InlineData("Protocol", "Orleans", "Microsoft.AspNetCore", "Microsoft.ML")]
    public void Projects_know_nothing_of_what_is_not_theirs(string project, params string[] foreign)
    {
        var assembly = System.Reflection.Assembly.Load($"Dass.Grid.{project}");
        var known = assembly.GetReferencedAssemblies().Select(reference => reference.Name!);
        Assert.DoesNotContain(known, name => foreign.Any(prefix => name.Contains(prefix, StringComparison.Ordinal)));
    }

    private static string Name(string project) =>
        Path.GetFileNameWithoutExtension(project.Replace('\\', '/')).Replace("Dass.Grid.", "", StringComparison.Ordinal);

    private static string SourceDirectory([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(here, "../../../../src"));
}
