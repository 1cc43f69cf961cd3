namespace Dass.Grid.Cli.CommandLine;

/// <summary>What a person asked for cannot be, as turned out after the command line was read.</summary>
public sealed class UsageException(string message) : Exception(message);
