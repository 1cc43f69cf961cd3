using System.Text.Json;

namespace Dass.Grid.Engine.Model;

/// <summary>Text of a model's files in messages, which go to terminals and logs: a file may hold anything, of any length.</summary>
internal static class HostileText
{
    private const int Longest = 64;

    /// <summary>Without control characters, and cut.</summary>
    public static string Show(string? text)
    {
        if (text is null)
        {
            return "null";
        }
        var cut = text.Length > Longest ? text[..(char.IsHighSurrogate(text[Longest - 1]) ? Longest - 1 : Longest)] : text;
        return JsonEncodedText.Encode(cut) + (cut.Length < text.Length ? "…" : "");
    }

    /// <inheritdoc cref="Show(string?)"/>
    public static string Show(JsonElement element) => Show(element.ToString());
}
