using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace Dass.Grid.Chaos.Drill;

/// <summary>Runs the drill in a folder of its own and writes its outcome.</summary>
internal static class DrillCommand
{
    /// <returns>0: each fault fired its own alert in time and cleared; 1: not; 2: wrong usage.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is not ([] or ["--format", "table" or "json"]))
        {
            Console.Error.WriteLine($"drill takes --format table or json, not '{string.Join(' ', args)}'.");
            return 2;
        }
        var directory = Directory.CreateTempSubdirectory("dass-drill-").FullName;
        Console.Error.WriteLine($"Logs are in {directory}.");
        await using var store = new StoreServer("redis", directory, "127.0.0.1");
        await store.StartAsync(CancellationToken.None);
        var results = await new AlertDrill(
            store, directory, text => Console.Error.WriteLine($"{TimeProvider.System.GetLocalNow():HH:mm:ss} {text}"))
            .RunAsync(CancellationToken.None);
        if (args is ["--format", "json"])
        {
            Console.WriteLine(JsonSerializer.Serialize(results));
        }
        else
        {
            var table = new Table().AddColumns("fault", "alert", "fires after, s", "clear after, s", "others", "");
            foreach (var result in results)
            {
                table.AddRow(
                    result.Fault, result.Alert, Seconds(result.FiredAfter), Seconds(result.ClearedAfter), string.Join(", ", result.Others),
                    result.Passed ? "" : "FAILED");
            }
            AnsiConsole.Write(table);
        }
        return results.All(result => result.Passed) ? 0 : 1;
    }

    private static string Seconds(double? seconds) => seconds?.ToString("0", CultureInfo.InvariantCulture) ?? "never";
}
