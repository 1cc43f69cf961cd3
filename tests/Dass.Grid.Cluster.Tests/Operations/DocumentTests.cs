using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>What the documents name exists: files, headings, names of code, commands, options, settings.</summary>
public sealed class DocumentTests
{
    private static readonly string Front = Path.Combine(Sources.Repository, "README.md");

    [Fact]
    public void Links_and_paths_of_documents_lead_somewhere() => AssertAll(DocumentRules.BrokenLinks, DocumentRules.MissingFiles);

    [Fact]
    public void Names_of_code_in_documents_are_in_the_sources() => AssertAll(DocumentRules.UnknownNames);

    [Fact]
    public void Commands_and_options_in_documents_exist() => AssertAll(DocumentRules.UnknownArguments);

    [Fact]
    public void Settings_in_documents_are_on_the_options_classes() => AssertAll(DocumentRules.UnknownSettings);

    [Fact]
    public void The_front_page_is_short_and_shows_every_command()
    {
        var front = Document.Read(Front);
        Assert.InRange(front.Lines, 1, 150);
        Assert.All(DocumentRules.CommandNames, command => Assert.Contains(front.Code, piece => piece.Text.Contains($"dass {command}")));
    }

    [Fact]
    public void Every_room_is_described()
    {
        var code = Document.Read(Path.Combine(Sources.Src, "README.md")).Code.Select(piece => piece.Text).ToHashSet();
        Sources.AssertNone(
            from project in (string[])["Engine", "Grains", "Gateway", "Cli", "Evaluation"]
            let folder = Path.Combine(Sources.Src, $"Dass.Grid.{project}")
            from room in Sources.Files(folder).Select(file => Path.GetRelativePath(folder, file).Split('/')).Where(path => path.Length > 1)
                .Select(path => path[0]).Distinct()
            where !code.Contains(room)
            select $"src/README.md does not say what {project}/{room} holds.");
    }

    /// <summary>The rules see a mistake of each kind, and where it is.</summary>
    [Theory]
    [InlineData("[text](no-such-file.md)", "README.md:3: the link leads to no-such-file.md, which is not there.")]
    [InlineData("[text](src/README.md#no-such-heading)", "README.md:3: src/README.md#no-such-heading has no such heading.")]
    [InlineData("`src/NoSuchFile.cs`", "README.md:3: src/NoSuchFile.cs is not there.")]
    [InlineData("`no_such_file.py`", "README.md:3: no_such_file.py is not there.")]
    [InlineData("`NoSuchTestsAtAll`", "README.md:3: the sources do not have the name NoSuchTestsAtAll.")]
    [InlineData("`Ack.no_such_field_at_all`", "README.md:3: the sources do not have the name no_such_field_at_all.")]
    [InlineData("`dass listen`", "README.md:3: 'dass' has no command 'listen'.")]
    [InlineData("`dass evaluate tags\\|sounds --data CSV`", "README.md:3: 'dass evaluate' has no command 'sounds'.")]
    [InlineData("`dass tag FILE… [--real-time]`", "README.md:3: 'dass tag' has no option --real-time.")]
    [InlineData("`dass watch --stream-id ID…\\|--suffix TEXT`", "README.md:3: 'dass watch' has no option --suffix.")]
    [InlineData("`--no-such-option 3`", "README.md:3: no program has the option --no-such-option.")]
    [InlineData("```\ncat x | dass stream - --speed 2\n```", "README.md:4: 'dass stream' has no option --speed.")]
    [InlineData(
        "```\ndotnet run --project src/Dass.Grid.Cli -- stream FILE \\\n  --loud\n```", "README.md:4: 'dass stream' has no option --loud.")]
    [InlineData("`dotnet run --project tests/Dass.Grid.Chaos -- --second 9`", "README.md:3: tests/Dass.Grid.Chaos has no '--second'.")]
    [InlineData("`dotnet run --project tests/Dass.Grid.Benchmarks -- speed`", "README.md:3: tests/Dass.Grid.Benchmarks has no 'speed'.")]
    [InlineData("`--Grid:Stream:MaxLiveWait=1`", "README.md:3: no options class has the setting Grid:Stream:MaxLiveWait.")]
    [InlineData("`Tenants__acme__Keys__0`", "README.md:3: no options class has the setting Tenants__acme__Keys__0.")]
    public void A_mistake_is_found(string text, string message)
    {
        var document = new Document(Front, $"# Title\n\n{text}\n");
        Assert.Equal(message, Assert.Single(Breaches(document)));
    }

    [Fact]
    public void What_exists_is_not_a_mistake() => Sources.AssertNone(Breaches(new Document(Front,
        """
        # Title

        // example.org/no-such-file), `StreamGrain`, `Ack.durable_sample`, `README.md`,
        [Below](#title), [elsewhere](src/README.md), [far](https:
        `dass evaluate tags|niah --data CSV --verbose`, `ffmpeg -i URL - | dass stream - --rate 16000`, `Grid:Models:mine:Batcher:MaxBatch`,
        `Tenants:acme:KeyHashes:0`, `Grid__Listen=http://127.0.0.1:5230`, `src/Dass.Grid.<Project>`,
        `dotnet run --project tests/Dass.Grid.Benchmarks -- memory`.
        """)));

    private static IEnumerable<string> Breaches(Document document) =>
    [
        .. DocumentRules.BrokenLinks(document), .. DocumentRules.MissingFiles(document), .. DocumentRules.UnknownNames(document),
        .. DocumentRules.UnknownArguments(document), .. DocumentRules.UnknownSettings(document),
    ];

    private static void AssertAll(params Func<Document, IEnumerable<string>>[] rules) =>
        Sources.AssertNone(Document.All.SelectMany(document => rules.SelectMany(rule => rule(document))));
}
