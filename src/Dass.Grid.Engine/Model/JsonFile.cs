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
            CheckTexts(path, json.RootElement, place: null);
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
    private static void CheckTexts(string path, JsonElement element, Place? place)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                Text(path, place, element, static element => element.GetString()!);
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    CheckTexts(path, item, place);
                }
                break;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    var name = Text(path, place, property, static property => property.Name);
                    CheckTexts(path, property.Value, new Place(place, name));
                }
                break;
        }
    }

    private static string Text<T>(string path, Place? place, T element, Func<T, string> read)
    {
        try
        {
            return read(element);
        }
        catch (InvalidOperationException exception)
        {
            var where = element is JsonElement ? $"{place}" : place is null ? "a name" : $"a name in {place}";
            throw new ModelLoadException($"{path}: {where} holds text that is not Unicode.", exception);
        }
    }

    /// <summary>Where in the file. It becomes text only for a message: for a million names below a long one that is long work.</summary>
    private sealed record Place(Place? Parent, string Name)
    {
        public override string ToString() => Parent is null ? HostileText.Show(Name) : $"{Parent}.{HostileText.Show(Name)}";
    }
}
