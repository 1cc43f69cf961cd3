using System.Text;

namespace Dass.Grid.Evaluation.Data;

/// <summary>
/// Rows of comma-separated values (RFC 4180). A field is quoted if it begins with a quotation mark; elsewhere the mark is a letter, as in
/// <c>6" pipe</c>.
/// </summary>
/// <param name="reader">The text.</param>
/// <param name="path">What errors call it.</param>
internal sealed class CsvReader(TextReader reader, string path)
{
    /// <summary>Line on which the last row began, from 1.</summary>
    public int Line { get; private set; }

    private int _next = 1;

    /// <summary>The next row that is not empty, or null at the end.</summary>
    /// <exception cref="FormatException">A quoted field has no end; the message names file and line.</exception>
    public string[]? Next()
    {
        while (reader.ReadLine() is { } line)
        {
            Line = _next++;
            if (line.Length > 0)
            {
                return Fields(line);
            }
        }
        return null;
    }

    private string[] Fields(string line)
    {
        var (fields, field, quoted, opened) = (new List<string>(), new StringBuilder(), false, 0);
        for (var i = 0; ; i++)
        {
            if (i == line.Length)
            {
                if (quoted) // a line break inside quotes
                {
                    var more = reader.ReadLine() ?? throw new FormatException(
                        $"{path}, line {opened}: a field begins with a quotation mark; it must end with one.");
                    field.Append('\n');
                    (line, i) = (more, -1);
                    _next++;
                    continue;
                }
                fields.Add(field.ToString());
                return [.. fields];
            }
            var c = line[i];
            if (c == '"' && quoted)
            {
                if (i + 1 < line.Length && line[i + 1] == '"')
                {
                    field.Append('"');
                    i++;
                }
                else
                {
                    quoted = false;
                }
            }
            else if (c == '"' && string.IsNullOrWhiteSpace(field.ToString()))
            {
                (quoted, opened) = (true, _next - 1);
                field.Clear();
            }
            else if (c == ',' && !quoted)
            {
                fields.Add(field.ToString());
                field.Clear();
            }
            else
            {
                field.Append(c);
            }
        }
    }
}
