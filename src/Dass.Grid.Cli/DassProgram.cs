using System.CommandLine;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Commands;
using Dass.Grid.Cli.Commands.Evaluate;

namespace Dass.Grid.Cli;

/// <summary>The command line with all of its commands.</summary>
internal static class DassProgram
{
    /// <returns>The exit code.</returns>
    public static Task<int> RunAsync(string[] args)
    {
        var root = new RootCommand(
            "Live sound tags for audio streams. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 heard (tag --fail-on), 130 interrupted, "
            + "141 nothing reads the output.")
        {
            TagCommand.Create(),
            StreamCommand.Create(),
            FeedCommand.Create(),
            WatchCommand.Create(),
            EventsCommand.Create(),
            NotifyCommand.Create(),
            LoadCommand.Create(),
            LabelsCommand.Create(),
            GridListings.Streams(),
            GridListings.Models(),
            GridListings.Usage(),
            GridListings.Close(),
            KeyCommands.Key(),
            KeyCommands.Hash(),
            CompletionCommand.Create(),
            InspectModelCommand.Create(),
            EvaluateCommand.Create(),
            ServeCommand.Create(),
            ConsoleCommand.Create(),
            AdminCommand.Create(),
            Options.Verbose,
        };
        return Invocation.RunAsync(root, args);
    }
}
