using System.CommandLine;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Host;
using Microsoft.Extensions.Hosting;
using Spectre.Console;

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
        var check = new Option<bool>("--check")
        {
            Description = "Only check the settings, and print each with its value and where it comes from; of secrets, "
                + "whether they are set.",
        };
        var command = new Command("serve", "Runs a grid until it is stopped (Ctrl-C).") { settings, check };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            RefuseWords(parsed.GetValue(settings)!);
            if (parsed.GetValue(check))
            {
                var table = Terminal.NewTable().AddColumns("setting", "value", "from");
                foreach (var setting in SettingsReport.Make(parsed.GetValue(settings)!))
                {
                    table.AddRow(Markup.Escape(setting.Name), Markup.Escape(setting.Value), Markup.Escape(setting.Source));
                }
                AnsiConsole.Write(table);
                return Invocation.Success;
            }
            if (!OpenFiles.Suffice(GridHost.LeastOpenFiles, "A grid"))
            {
                return Invocation.Failure;
            }
            Terminal.OutliveReader();
            await using var app = GridHost.Build(parsed.GetValue(settings)!);
            GridPorts.RequireFree(app);
            await app.RunAsync(cancellationToken).ConfigureAwait(false);
            return Invocation.Success;
        });
        return command;
    }

    /// <summary>The configuration would leave out a word that is neither a setting nor the value of one.</summary>
    private static void RefuseWords(string[] settings)
    {
        for (var i = 0; i < settings.Length; i++)
        {
            var isValue = i > 0 && settings[i - 1].StartsWith("--", StringComparison.Ordinal) && !settings[i - 1].Contains('=');
            if (!settings[i].StartsWith("--", StringComparison.Ordinal) && !settings[i].Contains('=') && !isValue)
            {
                throw new UsageException($"'{settings[i]}' is no setting; settings are --NAME=VALUE. Keys: dass key new, dass hash-key.");
            }
        }
    }
}
