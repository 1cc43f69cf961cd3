using Dass.Grid;
using Dass.Grid.Host;

// First of all: with fewer the runtime would not find its own assemblies.
return OpenFiles.Suffice(GridHost.LeastOpenFiles, "A grid") ? await HostProgram.RunAsync(args) : 1;
