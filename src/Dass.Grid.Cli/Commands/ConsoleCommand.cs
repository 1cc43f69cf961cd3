using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Output;
using Dass.Grid.Host;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass console</c>: a grid in this process, with its page in the user's browser.</summary>
internal static class ConsoleCommand
{
    public static Command Create()
    {
        var model = Options.Model();
        var port = Options.Whole("--port", "Loopback port of the page, 0 for a free one,", 0, 65_535, absent: 0);
        var noBrowser = new Option<bool>("--no-browser") { Description = "Only print the address." };
        var command = new Command(
            "console", "Starts a grid in this process and opens its page: microphone, files, streams, events. Ends with Ctrl-C.")
        {
            model, port, noBrowser,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(port) is > 0 and var fixedPort)
            {
                GridPorts.RequireFree(port.Name, $"{fixedPort}", new IPEndPoint(IPAddress.Loopback, fixedPort));
            }
            var options = new EmbeddedGridOptions { ModelDirectory = parsed.GetValue(model), HttpPort = parsed.GetValue(port) };
            await using var grid = await EmbeddedGrid.StartAsync(options, cancellationToken).ConfigureAwait(false);
            var page = grid.HttpAddress!;
            Console.Out.WriteLine(page);
            Terminal.Note($"gRPC answers on {grid.Address.GetLeftPart(UriPartial.Authority)}; Ctrl-C ends the grid.");
            if (!parsed.GetValue(noBrowser) && !TryOpen(page))
            {
                Terminal.Note("no browser could be started here; open the address above.");
            }
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return Invocation.Success;
        });
        return command;
    }

    /// <summary>Through what the system opens addresses with; on Linux only where there is a desktop.</summary>
    private static bool TryOpen(Uri page)
    {
        if (OperatingSystem.IsLinux()
            && Environment.GetEnvironmentVariable("DISPLAY") is null
            && Environment.GetEnvironmentVariable("WAYLAND_DISPLAY") is null)
        {
            return false;
        }
        var start = OperatingSystem.IsLinux() ? new ProcessStartInfo("xdg-open", page.ToString())
            : OperatingSystem.IsMacOS() ? new ProcessStartInfo("open", page.ToString())
            : new ProcessStartInfo(page.ToString()) { UseShellExecute = true };
        if (!start.UseShellExecute)
        {
            (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true); // the browser's own words are none of the grid's
        }
        try
        {
            using var opener = Process.Start(start);
            return true;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
