using System.Globalization;
using System.Text.Json;
using Spectre.Console;

namespace Dass.Grid.Soak;

/// <summary>Progress goes to standard error, the result to standard output.</summary>
internal static class Report
{
    private const int PipeWidth = 4096; // columns: nothing is wrapped there

    public static void Minute(Minute minute) => Console.Error.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{minute.Held.Seconds / 60:0} min: {minute.Held.Resident >> 20} MiB resident, {minute.Held.Heap / (1 << 20):0} MiB heap, "
        + $"{minute.Held.Live:0} live of {minute.Streams} streams, "
        + $"{minute.Events} events, {minute.Breaks} breaks, {minute.Refusals} refusals, "
        + $"longest wait {minute.LongestWait.TotalSeconds:0.00} s, "
        + $"cores: host {minute.HostCores:0.00}, clients {minute.ClientCores:0.00}"));

    public static void Write(SoakResult result, bool json)
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(result));
            return;
        }
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = PipeWidth;
        }
        var table = new Table().Border(Console.IsOutputRedirected ? TableBorder.None : TableBorder.Rounded).AddColumns(
            "tenant", "audio sent / recorded, s", "streams begun / recorded", "events closed / recorded / logged / received", "dropped",
            "breaks", "interruptions", "refusals", "astray", "exact");
        foreach (var usage in result.Tenants)
        {
            table.AddRow(
                usage.Tenant, string.Create(
                    CultureInfo.InvariantCulture,
                    $"{usage.AudioSent:0.00} / {usage.AudioRecorded:0.00}"), $"{usage.StreamsBegun} / {usage.StreamsRecorded}",
                $"{usage.EventsClosed} / {usage.EventsRecorded} / {usage.EventsLogged} / {string.Join(", ", usage.EventsReceived)}",
                $"{usage.Dropped}", $"{usage.Breaks}",
                $"{usage.Interruptions}", $"{usage.Refusals}", $"{usage.Astray}", usage.IsExact ? "yes" : "NO");
        }
        AnsiConsole.Write(table);
        foreach (var (reason, count) in result.Failures)
        {
            AnsiConsole.WriteLine($"{count} times {reason}");
        }
        WritePhases(result);
        if (result.Options.Attack)
        {
            WriteAttack(result);
        }
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"memory from the second to the last third: resident {result.ResidentGrowth:+0.0%;-0.0%}, "
            + $"at most {result.Options.Growth:0.0%}{(result.Options.Attack ? "" : result.IsFlat ? ": flat" : ": NOT FLAT")}; "
            + $"heap {result.HeapGrowth:+0.0%;-0.0%}; {result.Complaints} warnings and errors in the host's log"));
    }

    private static void WritePhases(SoakResult result)
    {
        foreach (var phase in result.Phases)
        {
            AnsiConsole.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{phase.Name}: tags after {phase.P50:0} / {phase.P99:0} / {phase.Max:0} ms (p50, p99, max of {phase.Chunks} chunks), "
                + $"{phase.Resident / (1 << 20):0} MiB resident, {phase.Settled / (1 << 20):0} MiB when all garbage is collected, "
                + $"{phase.Heap / (1 << 20):0} MiB of it managed"));
        }
    }

    private static void WriteAttack(SoakResult result)
    {
        foreach (var (kind, count) in result.Attacks.OrderBy(end => end.Key, StringComparer.Ordinal))
        {
            AnsiConsole.WriteLine($"{count} times {kind}");
        }
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"under attack p99 is {result.SlowerByAttack:0.00} times that before, at most {SoakResult.Slower:0.0}: "
            + $"{(result.IsUndisturbed ? "undisturbed" : "DISTURBED")}; memory after it {result.GrowthByAttack:+0.0%;-0.0%}, "
            + $"at most {SoakResult.Afterwards:0%}: {(result.IsFlat ? "given back" : "NOT GIVEN BACK")}"));
    }
}
