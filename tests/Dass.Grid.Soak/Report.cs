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
        $"{minute.Held.Seconds / 60:0} min: {minute.Held.Resident >> 20} MiB resident, {minute.Held.Heap / (1 << 20):0} MiB heap, {minute.Held.Live:0} live of {minute.Streams} streams, "
        + $"{minute.Events} events, {minute.Breaks} breaks, {minute.Refusals} refusals, longest wait {minute.LongestWait.TotalSeconds:0.00} s, "
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
            "tenant", "audio sent / booked, s", "streams begun / booked", "events closed / booked / kept / heard", "dropped", "breaks", "interruptions", "refusals", "astray", "exact");
        foreach (var books in result.Books)
        {
            table.AddRow(
                books.Tenant, string.Create(CultureInfo.InvariantCulture, $"{books.AudioSent:0.00} / {books.AudioBooked:0.00}"), $"{books.StreamsBegun} / {books.StreamsBooked}",
                $"{books.EventsClosed} / {books.EventsBooked} / {books.EventsKept} / {string.Join(", ", books.EventsHeard)}", $"{books.Dropped}", $"{books.Breaks}",
                $"{books.Interruptions}", $"{books.Refusals}", $"{books.Astray}", books.AreExact ? "yes" : "NO");
        }
        AnsiConsole.Write(table);
        foreach (var (reason, count) in result.Failures)
        {
            AnsiConsole.WriteLine($"{count} times {reason}");
        }
        AnsiConsole.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"memory from the second to the last third: resident {result.ResidentGrowth:+0.0%;-0.0%}, at most {result.Options.Growth:0.0%}: {(result.IsFlat ? "flat" : "NOT FLAT")}; "
            + $"heap {result.HeapGrowth:+0.0%;-0.0%}; {result.Complaints} warnings and errors in the host's log"));
    }
}
