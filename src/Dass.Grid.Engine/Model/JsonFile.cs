using System.Text.Json;

namespace Dass.Grid.Engine.Model;

/// <summary>JSON files of a model directory. They are taken as hostile.</summary>
internal static class JsonFile
{
    private const long MaxBytes = 16 << 20;

    /// <summary>Parses a file that holds an object, or an array where asked for. Every name and text in it can be read.</summary>
    /// <exception cref="ModelLoadException">The file is missing or is not that.</exception>
    public static JsonDocument Parse(string path, JsonValueKind kind = JsonValueKind.Object)
    {
        try
        {
            using var file = RegularFile.OpenRead(path);
            if (file.Length > MaxBytes)
            {
                throw new ModelLoadException($"{path} has {file.Length} bytes; the limit is {MaxBytes}.");
            }
            var json = JsonDocument.Parse(file, new JsonDocumentOptions { MaxDepth = 16 });
            if (json.RootElement.ValueKind != kind)
            {
                throw new ModelLoadException($"{path} must hold a JSON {(kind == JsonValueKind.Array ? "array" : "object")}.");
            }
            CheckTexts(path, json.RootElement, field: "");
            return json;
        }
        catch (JsonException exception)
        {
            throw new ModelLoadException($"{path} is not JSON: {exception.Message}", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelLoadException(
                $"{path} cannot be read: {exception.Message} A model is a directory with config.json and model.safetensors.", exception);
        }
    }

    /// <summary>
    /// The parser lets half a surrogate pair and broken UTF-8 pass, but reading such a text, or looking for a name beside such a
    /// name, fails.
    /// </summary>
    private static void CheckTexts(string path, JsonElement element, string field)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                Text(path, field, () => element.GetString()!);
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    CheckTexts(path, item, field);
                }
                break;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    var name = Text(path, field.Length == 0 ? "a name" : $"a name in {field}", () => property.Name);
                    CheckTexts(path, property.Value, field.Length == 0 ? name : $"{field}.{name}");
                }
                break;
        }
    }

    private static string Text(string path, string place, Func<string> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException exception)
        {
            throw new ModelLoadException($"{path}: {place} holds text that is not Unicode.", exception);
        }
    }
}
