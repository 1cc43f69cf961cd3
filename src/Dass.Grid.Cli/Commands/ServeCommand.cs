using System.CommandLine;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Host;
using Microsoft.Extensions.Hosting;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass serve</c>: the host itself, configured as the host's own executable is.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var settings = new Argument<string[]>("SETTING")
        {
            Description = "Settings of the host after --, e.g. -- --Grid:Listen=http://127.0.0.1:5230 --Grid:Role=all",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var command = new Command("serve", "Runs a grid until it is stopped (Ctrl-C).") { settings };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var app = GridHost.Build(parsed.GetValue(settings)!);
            await app.RunAsync(cancellationToken).ConfigureAwait(false);
            return Invocation.Success;
        });
        return command;
    }
}
