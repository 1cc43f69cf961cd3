using System.Text.RegularExpressions;
using System.Xml.Linq;
using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>The arrows of the design: which project may refer to which, and in a project, which room may name which.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["Contracts"] = [],
        ["Protocol"] = [],
        ["Client"] = ["Protocol"],
        ["Engine"] = [],
        ["Grains"] = ["Contracts", "Engine"],
        ["Gateway"] = ["Contracts", "Protocol"],
        ["Notify"] = ["Client"],
        ["Host"] = ["Gateway", "Grains", "Notify"],
        ["Evaluation"] = ["Engine"],
        ["Cli"] = ["Client", "Engine", "Evaluation", "Host", "Notify"],
    };

    /// <summary>
    /// A project's rooms (its folders, hence its namespaces) by floor, the lowest first. A file may name rooms on lower floors than its own
    /// room's only. "root" is the project's own folder; where it has no floor it is the ground that all rooms stand on.
    /// </summary>
    private static readonly Dictionary<string, string[][]> Floors = new()
    {
        ["Engine"] = [["Audio", "Model"], ["Features"], ["Tags"], ["Events", "Streaming"]],
        ["Grains"] =
        [
            ["Storage", "Models"], ["Checkpoints", "Placement", "Records"], ["Sessions"], ["Streams"], ["Clips", "Tenants"], ["Hosting"],
        ],
        ["Gateway"] =
        [
            ["Protocol"], ["Grid", "Tenants"], ["Calls", "Models"], ["Streams", "Subscriptions", "Events"], ["Services", "Web"],
            ["Hosting"],
        ],
        ["Notify"] = [["Rules"], ["State"], ["Delivery", "Reading"], ["Routes"]],
        ["Evaluation"] = [["Data", "Metrics"], ["Events", "Tags"], ["Latency", "Niah"], ["Plots"]],
        ["Cli"] = [["Output"], ["Grid"], ["CommandLine"], ["Clips", "Load"], ["Sources"], ["Recordings"], ["Commands"], [Root]],
    };

    private const string Root = "root";

    public static TheoryData<string> ProjectsWithRooms => [.. Floors.Keys];

    [Fact]
    public void Projects_refer_to_each_other_only_along_the_arrows()
    {
        var found = Directory.EnumerateFiles(Sources.Src, "*.csproj", SearchOption.AllDirectories).ToDictionary(
            Name,
            project => XDocument.Load(project).Descendants("ProjectReference")
                .Select(reference => Name((string)reference.Attribute("Include")!)).Order().ToArray());
        Assert.Equal(Arrows.Keys.Order(), found.Keys.Order());
        Assert.All(Arrows, arrow => Assert.Equal(arrow.Value, found[arrow.Key]));
    }

    [Theory]
    [InlineData("Engine", "Orleans", "Grpc.AspNetCore", "Microsoft.AspNetCore")]
    [InlineData("Gateway", "Microsoft.ML", "Dass.Grid.Engine", "Dass.Grid.Grains")]
    [InlineData("Client", "Orleans", "Microsoft.AspNetCore", "Microsoft.ML")]
    [InlineData("Notify", "Orleans", "Microsoft.AspNetCore", "Microsoft.ML", "Dass.Grid.Contracts")]
    [InlineData("Protocol", "Orleans", "Microsoft.AspNetCore", "Microsoft.ML")]
    public void Projects_know_nothing_of_what_is_not_theirs(string project, params string[] foreign)
    {
        var assembly = System.Reflection.Assembly.Load($"Dass.Grid.{project}");
        var known = assembly.GetReferencedAssemblies().Select(reference => reference.Name!);
        Assert.DoesNotContain(known, name => foreign.Any(prefix => name.Contains(prefix, StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_folder_of_a_project_is_a_room_with_a_floor()
    {
        var rooms = Arrows.Keys.ToDictionary(
            project => project, project => Sources.Files(Folder(project)).Select(file => Room(project, file)).ToHashSet());
        foreach (var (project, found) in rooms)
        {
            var known = Floors.TryGetValue(project, out var floors) ? floors.SelectMany(floor => floor) : [];
            Assert.Equal(known.Append(Root).Distinct().Order(), found.Append(Root).Distinct().Order());
        }
    }

    [Theory]
    [MemberData(nameof(ProjectsWithRooms))]
    public void Files_name_rooms_on_lower_floors_only(string project)
    {
        var files = Sources.Files(Folder(project)).Select(
            file => (Path: file, Room: Room(project, file), Lines: File.ReadAllLines(file))).ToArray();
        var types = files
            .SelectMany(
                file => file.Lines.SelectMany(line => Declaration().Matches(Code(line))).Select(
                    match => (file.Room, Type: match.Groups[1].Value)))
            .ToHashSet();
        var rooms = string.Join('|', Floors[project].SelectMany(floor => floor).Where(room => room != Root));
        var qualified = new Regex($@"(?<![\w.])(?:(?:global::)?Dass\.Grid\.{project}\.|{project}\.)?({rooms})(?:\.[A-Z]\w*)*?\.([A-Z]\w*)");
        var directive = new Regex($@"^\s*(?:global )?using (?:static |\w+ = )?Dass\.Grid\.{project}\.({rooms})\b");

        IEnumerable<string> Named(string line)
        {
            if (directive.Match(line) is { Success: true } match)
            {
                return [match.Groups[1].Value];
            }
            var code = Code(line);
            return qualified.Matches(code).Where(
                name => types.Contains((name.Groups[1].Value, name.Groups[2].Value))).Select(name => name.Groups[1].Value)
                .Concat(
                    Words().Matches(code).Where(word => Floor(project, Root) > 0 && types.Contains((Root, word.Value))).Select(_ => Root));
        }

        var broken =
            from file in files
            from line in file.Lines.Index()
            from room in Named(line.Item).Distinct()
            where room != file.Room && Floor(project, room) >= Floor(project, file.Room)
            select $"{Sources.Place(file.Path, line.Index)}: {file.Room} -> {room}, which is on no lower floor: {line.Item.Trim()}";
        Sources.AssertNone(broken);
    }

    /// <summary>Of code and of the documentation's references to code; not of other comments.</summary>
    private static string Code(string line) => line.TrimStart().StartsWith("///", StringComparison.Ordinal)
        ? string.Join(' ', Reference().Matches(line).Select(match => match.Groups[1].Value))
        : Comment().Replace(line, "");

    private static int Floor(string project, string room) => 1 + Array.FindIndex(Floors[project], floor => floor.Contains(room));

    private static string Folder(string project) => Path.Combine(Sources.Src, $"Dass.Grid.{project}");

    private static string Room(string project, string file) =>
        Path.GetRelativePath(Folder(project), file).Split(Path.DirectorySeparatorChar) is [var room, _, ..] ? room : Root;

    private static string Name(string project) =>
        Path.GetFileNameWithoutExtension(project.Replace('\\', '/')).Replace("Dass.Grid.", "", StringComparison.Ordinal);

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record|record struct|record class|delegate [\w<>?,\[\]]+) ([A-Z]\w*)")]
    private static partial Regex Declaration();

    [GeneratedRegex("cref=\"([^\"]*)\"")]
    private static partial Regex Reference();

    [GeneratedRegex("(?<!:)//.*$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"(?<![\w.""])[A-Z]\w*")]
    private static partial Regex Words();
}
