using Dass.Grid;
using Dass.Grid.Cli;

// First of all: with fewer the runtime would not find its own assemblies.
return OpenFiles.Suffice(128, "dass") ? await DassProgram.RunAsync(args) : 1;
