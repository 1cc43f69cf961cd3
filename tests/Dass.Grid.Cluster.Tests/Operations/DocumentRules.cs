using System.Collections;
using System.CommandLine;
using System.Reflection;
using System.Text.RegularExpressions;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Commands;
using Dass.Grid.Cli.Commands.Evaluate;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Grains.Models;
using Dass.Grid.Host;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>
/// What a document may name: what the repository, the command line and the configuration have. Each rule gives the breaches with their
/// places.
/// </summary>
internal static partial class DocumentRules
{
    /// <summary>Options of programs that are not the repository's.</summary>
    private static readonly string[] ForeignOptions = ["--help", "--project", "--build-arg", "--rm", "--from-literal", "--set", "--pack"];

    private static readonly Command Dass = new RootCommand
    {
        TagCommand.Create(), StreamCommand.Create(), FeedCommand.Create(), WatchCommand.Create(), EventsCommand.Create(),
        NotifyCommand.Create(),
        LoadCommand.Create(), LabelsCommand.Create(), GridListings.Streams(), GridListings.Models(),
        GridListings.Usage(), GridListings.Close(), KeyCommands.Key(), KeyCommands.Hash(), CompletionCommand.Create(),
        InspectModelCommand.Create(), EvaluateCommand.Create(), ConsoleCommand.Create(),
        ServeCommand.Create(), AdminCommand.Create(),
        Options.Verbose,
    };

    private static readonly Lazy<HashSet<string>> FileNames = new(() =>
        [.. Document.RepositoryFiles("*").Select(file => Path.GetFileName(file))]);

    /// <summary>Every word of the sources, but for the wrong ones of <see cref="DocumentTests"/>.</summary>
    private static readonly Lazy<HashSet<string>> Words = new(() =>
    [
        .. ((string[])["*.cs", "*.proto", "*.py"]).SelectMany(Document.RepositoryFiles)
            .Where(file => Path.GetFileName(file) != $"{nameof(DocumentTests)}.cs")
            .SelectMany(file => Word().Matches(File.ReadAllText(file)).Select(word => word.Value)),
        nameof(DocumentTests),
    ]);

    /// <summary>
    /// Text of the programs that take options without the command line's model: those of the tests, the training, the scripts of deploy.
    /// </summary>
    private static readonly Lazy<Dictionary<string, string>> Programs = new(() => Directory.GetDirectories(Sources.Tests)
        .Where(folder => File.Exists(Path.Combine(folder, "Program.cs")))
        .Append(Path.Combine(Sources.Src, "training"))
        .Append(Path.Combine(Sources.Repository, "deploy"))
        .ToDictionary(
            folder => Path.GetRelativePath(Sources.Repository, folder),
            folder => string.Concat(
                ((string[])["*.cs", "*.py", "*.sh"]).SelectMany(pattern => Sources.Files(folder, pattern)).Select(File.ReadAllText))));

    public static IEnumerable<string> CommandNames => Dass.Subcommands.Select(command => command.Name);

    /// <summary>A link leads to a file of the repository, and its anchor to a heading.</summary>
    public static IEnumerable<string> BrokenLinks(Document document)
    {
        foreach (Match link in Link().Matches(document.Prose))
        {
            var parts = link.Groups["target"].Value.Split('#');
            var file = Path.GetFullPath(Path.Combine(document.Folder, parts[0]));
            if (parts[0].Length > 0 && !File.Exists(file) && !Directory.Exists(file))
            {
                yield return $"{document.Place(link.Index)}: the link leads to {parts[0]}, which is not there.";
            }
            else if (parts.Length > 1 && !(parts[0].Length == 0 ? document : Document.Read(file)).Anchors.Contains(parts[1]))
            {
                yield return $"{document.Place(link.Index)}: {link.Groups["target"].Value} has no such heading.";
            }
        }
    }

    /// <summary>A path that begins with a folder of the repository's root, and the bare name of a source file.</summary>
    public static IEnumerable<string> MissingFiles(Document document) =>
        from piece in document.Code
        from missing in
            RepositoryPath().Matches(piece.Text).Select(path => path.Groups["path"].Value.TrimEnd('.'))
                .Where(path => !Path.Exists(Path.Combine(Sources.Repository, path)))
                .Concat(SourceFile().IsMatch(piece.Text) && !FileNames.Value.Contains(piece.Text) ? [piece.Text] : [])
        select $"{document.Place(piece.Offset)}: {missing} is not there.";

    /// <summary>A span that is one name of code: a type, a test, a field of a message, a variable of the environment.</summary>
    public static IEnumerable<string> UnknownNames(Document document) =>
        from piece in document.Code
        where CodeName().IsMatch(piece.Text) && !FileNames.Value.Contains(piece.Text) && !Path.Exists(Path.Combine(Sources.Src, piece.Text))
        from name in piece.Text.Split('.', '=')
        where (name.StartsWith("DASS_", StringComparison.Ordinal) || name.Any(char.IsLower)) && !Words.Value.Contains(name)
        select $"{document.Place(piece.Offset)}: the sources do not have the name {name}.";

    /// <summary>Commands and options of `dass`, of the programs of the tests and of the training.</summary>
    public static IEnumerable<string> UnknownArguments(Document document) =>
        from piece in document.Code
        from part in piece.Text.Split(" | ")
        let words = part.TrimStart('$', ' ').Split(' ', StringSplitOptions.RemoveEmptyEntries)
        from unknown in Arguments(words)
        select $"{document.Place(piece.Offset)}: {unknown}.";

    /// <summary>Keys such as Grid:Streams:MaxLiveWait, or Grid__Listen for the environment.</summary>
    public static IEnumerable<string> UnknownSettings(Document document) =>
        from piece in document.Code
        from Match key in SettingKey().Matches(piece.Text)
        where !IsSetting(key.Value.Replace("__", ":", StringComparison.Ordinal).Split(':'))
        select $"{document.Place(piece.Offset)}: no options class has the setting {key.Value}.";

    private static IEnumerable<string> Arguments(string[] words)
    {
        var project = words.SkipWhile(word => word != "--project").Skip(1).FirstOrDefault();
        var own = words.SkipWhile(word => word != "--").Skip(1).ToArray(); // what `dotnet run` hands on
        return words switch
        {
            ["dass", ..] => OfDass(words[1..]),
            _ when project == "src/Dass.Grid.Cli" => OfDass(own),
            _ when project is not null && Programs.Value.TryGetValue(project, out var program) => own
                .Where(word => IsOption(word) || (word == own[0] && IsWord(word))).Select(word => word.Split('=')[0])
                .Where(word => !program.Contains($"\"{word}\"", StringComparison.Ordinal)).Select(word => $"{project} has no '{word}'"),
            _ => words.SelectMany(Alternatives).Where(IsOption).Select(word => word.Split('=')[0]).Where(option => !IsKnownOption(option))
                .Select(option => $"no program has the option {option}"),
        };
    }

    /// <summary>
    /// Words after `dass`: brackets mark what may be left out, bars stand between alternatives, and what is no lower-case word is a value.
    /// </summary>
    private static IEnumerable<string> OfDass(string[] words)
    {
        (Command Command, string Path)[] commands = [(Dass, "dass")];
        foreach (var word in words)
        {
            foreach (var option in Alternatives(word).Where(IsOption).Select(option => option.Split('=')[0]))
            {
                foreach (var (command, path) in commands.Where(command => !Has(command.Command, option)))
                {
                    yield return $"'{path}' has no option {option}";
                }
            }
            if (commands.Any(command => command.Command.Subcommands.Count == 0) || IsOption(word.TrimStart('[')))
            {
                continue;
            }
            var names = Alternatives(word).Where(IsWord).ToArray();
            foreach (var name in names.Where(name => commands.All(command => command.Command.Subcommands.All(sub => sub.Name != name))))
            {
                yield return $"'{commands[0].Path}' has no command '{name}'";
            }
            commands =
            [
                .. commands.SelectMany(command => command.Command.Subcommands.Where(sub => names.Contains(sub.Name))
                    .Select(sub => (sub, $"{command.Path} {sub.Name}"))),
            ];
            if (commands.Length == 0)
            {
                yield break; // the rest belongs to a command that does not exist
            }
        }
    }

    private static IEnumerable<string> Alternatives(string word) => word.Split('|').Select(part => part.Trim('[', ']', '(', ')', ',', '…'));

    private static bool IsOption(string word) => OptionName().IsMatch(word);

    private static bool IsWord(string word) => CommandName().IsMatch(word);

    private static bool Has(Command command, string option) =>
        option == "--help" || command.Options.Concat(Dass.Options).Any(known => known.Name == option);

    private static bool IsKnownOption(string option) =>
        ForeignOptions.Contains(option)
        || All(Dass).Any(command => Has(command, option))
        || Programs.Value.Values.Any(program => program.Contains($"\"{option}\"", StringComparison.Ordinal));

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(All).Prepend(command);

    private static bool IsSetting(string[] key) => key switch
    {
        ["Grid", "Streams", .. var rest] => typeof(ModelRegistryOptions).Assembly.GetTypes()
            .Where(type => type.Name.EndsWith("Options", StringComparison.Ordinal)).Any(type => Binds(type, rest)),
        ["Grid", "Gateway", .. var rest] => Binds(typeof(GatewayOptions), rest),
        ["Grid", .. var rest] => Binds(typeof(GridOptions), rest) || Binds(typeof(ModelRegistryOptions), rest),
        ["Tokens", .. var rest] => Binds(typeof(TokenOptions), rest),
        ["Admin", "KeyHashes", .. var rest] => Binds(typeof(List<string>), rest),
        _ => Binds(typeof(TenantsOptions), key),
    };

    /// <summary>Whether the binder of the configuration finds a place for the key in an object of the type.</summary>
    private static bool Binds(Type type, ReadOnlySpan<string> key)
    {
        if (key.IsEmpty)
        {
            return true;
        }
        if (type.IsGenericType && type.IsAssignableTo(typeof(IEnumerable)))
        {
            return Binds(type.GetGenericArguments()[^1], key[1..]); // by name or by index
        }
        return type.GetProperty(key[0], BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase) is { } property
            && Binds(property.PropertyType, key[1..]);
    }

    [GeneratedRegex(@"\]\((?!https?:|mailto:)(?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?<![\w./:-])(?>(?<path>(?:src|tests|deploy|protos|\.ci)/[\w./-]+))(?![<*…])")]
    private static partial Regex RepositoryPath();

    [GeneratedRegex(@"^[\w-]+\.(?:cs|py|c|h|sh|md|proto|csproj|sln)$")]
    private static partial Regex SourceFile();

    [GeneratedRegex(@"^(?:[A-Za-z]\w*\.)*(?:DASS_[A-Z_]+(?:=\w+)?|[A-Z][a-z]+(?:[A-Z]\w*)+|[a-z]\w*_\w+)$")]
    private static partial Regex CodeName();

    [GeneratedRegex(@"\b(?:Grid|Tenants|Tokens|Admin)(?:(?::|__)[A-Za-z0-9][\w-]*?(?=:|__|\W|$))+")]
    private static partial Regex SettingKey();

    [GeneratedRegex(@"^--[a-z][a-z0-9-]*(?:=.*)?$")]
    private static partial Regex OptionName();

    [GeneratedRegex("^[a-z][a-z-]*$")]
    private static partial Regex CommandName();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();
}
