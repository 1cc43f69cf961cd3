using System.Text;

namespace Dass.Grid.Evaluation.Data;

/// <summary>Rows of comma-separated values with quoted fields (RFC 4180).</summary>
internal sealed class CsvReader(TextReader reader)
{
    /// <summary>Line on which the last row began, from 1.</summary>
    public int Line { get; private set; }

    private int _next = 1;

    /// <summary>The next row that is not empty, or null at the end.</summary>
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
        var (fields, field, quoted) = (new List<string>(), new StringBuilder(), false);
        for (var i = 0; ; i++)
        {
            if (i == line.Length)
            {
                if (quoted && reader.ReadLine() is { } more) // a line break inside quotes
                {
                    field.Append('\n');
                    (line, i) = (more, -1);
                    _next++;
                    continue;
                }
                fields.Add(field.ToString());
                return [.. fields];
            }
            var c = line[i];
            if (c == '"')
            {
                if (quoted && i + 1 < line.Length && line[i + 1] == '"')
                {
                    field.Append('"');
                    i++;
                }
                else
                {
                    quoted = !quoted;
                }
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
