using System.Text.Json;

namespace Dass.Grid.Engine.Model;

/// <summary>Reads <c>offered_labels.json</c> of a model directory: the labels that people see, and the evidence for each.</summary>
internal static class OfferedLabelsFile
{
    private const int MaxProblems = 20;

    /// <param name="directory">Model directory; without the file all labels are offered and none is background.</param>
    /// <param name="labels">Of the model.</param>
    /// <returns>The labels with what the file says of them.</returns>
    /// <exception cref="ModelLoadException">The file breaks rules; the message lists every broken one.</exception>
    public static LabelSet Apply(string directory, LabelSet labels)
    {
        var path = Path.Combine(directory, "offered_labels.json");
        if (!File.Exists(path))
        {
            return labels;
        }
        using var json = JsonFile.Parse(path, JsonValueKind.Array);
        var byName = labels.All.Reverse().GroupBy(label => label.Name).ToDictionary(same => same.Key, same => same.Last());
        var (offered, problems) = (new Dictionary<int, Label>(), new List<string>());
        foreach (var (entry, row) in json.RootElement.EnumerateArray().Index())
        {
            if (problems.Count > MaxProblems)
            {
                break;
            }
            if (Read(row, byName, problem => problems.Add($"entry {entry}: {problem}")) is { } label && !offered.TryAdd(label.Index, label))
            {
                problems.Add($"entry {entry}: {label.Name} is there twice");
            }
        }
        if (offered.Count == 0 && problems.Count == 0)
        {
            problems.Add("it offers no label");
        }
        return problems.Count == 0
            ? new LabelSet([.. labels.All.Select(label => offered.GetValueOrDefault(label.Index) ?? label with { IsOffered = false })])
            : throw new ModelLoadException(
                $"{path} cannot be used: {string.Join("; ", problems.Take(MaxProblems))}{(problems.Count > MaxProblems ? "; …" : ".")}");
    }

    private static Label? Read(JsonElement row, Dictionary<string, Label> byName, Action<string> problem)
    {
        if (row.ValueKind != JsonValueKind.Object)
        {
            problem("it must be an object");
            return null;
        }
        var sound = true;
        JsonElement? Field(string name, string rule, Func<JsonElement, bool> holds)
        {
            JsonElement? value = row.TryGetProperty(name, out var found) ? found : null;
            if (value is { } given && holds(given))
            {
                return value;
            }
            problem($"{name} is {Text(value)}; {rule}");
            sound = false;
            return null;
        }

        var label = Field("label", "it must be one of the model's labels", value =>
            value.ValueKind == JsonValueKind.String && byName.ContainsKey(value.GetString()!));
        var evidence = Field("evidence", "it must be \"clips\" or \"agreement\"", value =>
            value.ValueKind == JsonValueKind.String && value.GetString() is "clips" or "agreement");
        var auc = Field("auc", "it must be a number from 0 to 1", value =>
            value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var area) && area is >= 0 and <= 1);
        var clips = Field("clips", "it must be a whole number, 0 or more", value =>
            value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var count) && count >= 0);
        var background = row.TryGetProperty("background", out _)
            ? Field("background", "it must be true or false", value => value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            : null;
        return !sound ? null : byName[label!.Value.GetString()!] with
        {
            IsBackground = background?.GetBoolean() ?? false,
            Evidence = new LabelEvidence(
                evidence!.Value.GetString() == "clips" ? EvidenceKind.Clips : EvidenceKind.Agreement,
                auc!.Value.GetDouble(), clips!.Value.GetInt32()),
        };
    }

    private static string Text(JsonElement? value) => value is { } given ? HostileText.Show(given) : "missing";
}
