using System.CommandLine;
using Dass.Grid.Cli;
using Dass.Grid.Cli.Commands;

var root = new RootCommand("Live sound tags for audio streams. Without --grid, a grid is started inside this process.")
{
    TagCommand.Create(),
    StreamCommand.Create(),
    WatchCommand.Create(),
    InspectModelCommand.Create(),
    ServeCommand.Create(),
};
return await Invocation.RunAsync(root, args);
