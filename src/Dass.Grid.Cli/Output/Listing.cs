using Google.Protobuf;
using Spectre.Console;

namespace Dass.Grid.Cli.Output;

/// <summary>Rows of a grid's answer: a table for people, messages or csv for programs.</summary>
internal static class Listing
{
    /// <summary>With the protos' own names.</summary>
    public static readonly JsonFormatter Json = new(
        JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true).WithFormatDefaultValues(true));

    /// <param name="format">How they are written.</param>
    /// <param name="rows">In the order of the answer.</param>
    /// <param name="columns">Names.</param>
    /// <param name="cells">Of a row, as many as there are columns.</param>
    public static void Write<T>(OutputFormat format, IReadOnlyCollection<T> rows, string[] columns, Func<T, string[]> cells)
        where T : IMessage
    {
        switch (format)
        {
            case OutputFormat.Json:
                foreach (var row in rows)
                {
                    Console.Out.WriteLine(Json.Format(row));
                }
                break;
            case OutputFormat.Csv:
                Console.Out.WriteLine(string.Join(',', columns.Select(column => column.Replace(' ', '_'))));
                foreach (var row in rows)
                {
                    Console.Out.WriteLine(string.Join(',', cells(row).Select(Scores.Csv)));
                }
                break;
            default:
                var table = Terminal.NewTable().AddColumns(columns);
                foreach (var row in rows)
                {
                    table.AddRow([.. cells(row).Select(Markup.Escape)]);
                }
                AnsiConsole.Write(table);
                break;
        }
    }
}
