using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Dass.Grid.Cli.Output;

/// <summary>How scores and texts are written.</summary>
internal static class Scores
{
    /// <summary>Floats are written with as many digits as it takes to read the same value back.</summary>
    public static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Text(float score) => score.ToString("0.000", CultureInfo.InvariantCulture);

    public static string Csv(string text) => text.AsSpan().IndexOfAny(",\"\n\r") >= 0 ? $"\"{text.Replace("\"", "\"\"")}\"" : text;
}
