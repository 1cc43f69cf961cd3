using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Dass.Grid.Engine.Model;

/// <summary>Loads a model directory: configuration, weights in one file or in shards, labels.</summary>
internal static class ModelFiles
{
    public const string HowToConvert =
        "Convert it once where it is trusted: "
        + "python -c \"import torch, safetensors.torch as s; w = torch.load('model.pth', map_location='cpu'); "
        + "s.save_file({k: v.contiguous() for k, v in w.items()}, 'model.safetensors')\"";

    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";
    private const int MaxProblems = 20;
    private const int MaxShards = 1000;

    /// <exception cref="ModelLoadException">The directory cannot be used; the message lists every problem.</exception>
    public static DassModel Load(string directory, string name)
    {
        if (!Directory.Exists(directory))
        {
            throw new ModelLoadException($"{directory} is not a directory. A model is a directory with config.json and model.safetensors.");
        }
        var content = ConfigFile.Read(directory);
        var labels = OfferedLabelsFile.Apply(
            directory, AudioSetLabels.For(content.Config.LabelCount, content.LabelNames));
        var files = new List<SafetensorsFile>();
        try
        {
            var problems = new List<string>();
            foreach (var (path, listed) in WeightFiles(directory))
            {
                var file = SafetensorsFile.Open(path);
                files.Add(file);
                problems.AddRange(listed is null ? [] : Misplaced(Path.GetFileName(path), listed, file));
            }
            var tensors = ReadTensors(directory, content.Config, files, problems);
            return new DassModel(name, content.Config, tensors, labels, Hash(content.Config, tensors), content.Note);
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    /// <summary>The files with the weights, each with the tensors that the index puts there, if there is an index.</summary>
    private static IReadOnlyList<(string Path, HashSet<string>? Listed)> WeightFiles(string directory)
    {
        var single = Path.Combine(directory, SingleFile);
        if (File.Exists(single))
        {
            return [(single, null)];
        }
        var index = Path.Combine(directory, IndexFile);
        if (File.Exists(index))
        {
            return Shards(directory, index);
        }
        var pickles = Directory.EnumerateFiles(directory).Select(Path.GetFileName)
            .Where(file => Path.GetExtension(file) is ".bin" or ".pth" or ".pt" or ".ckpt").ToArray();
        throw new ModelLoadException(pickles.Length > 0
            ? $"{directory} has {string.Join(", ", pickles)} and no {SingleFile}. Pickles can run code and are not read. {HowToConvert}"
            : $"{directory} has no {SingleFile} and no {IndexFile}.");
    }

    private static List<(string Path, HashSet<string>? Listed)> Shards(string directory, string index)
    {
        using var json = JsonFile.Parse(index);
        if (!json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
        {
            throw new ModelLoadException($"{index} has no weight_map.");
        }
        var shards = map.EnumerateObject()
            .ToLookup(
                entry => entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : entry.Value.GetRawText(),
                entry => entry.Name);
        var bad = shards.FirstOrDefault(shard => !IsPlain(shard.Key));
        if (bad is not null)
        {
            throw new ModelLoadException(
                $"{index}: shard '{JsonEncodedText.Encode(bad.Key)}' must be the plain name of a .safetensors file.");
        }
        return shards.Count is 0 or > MaxShards
            ? throw new ModelLoadException($"{index} names {shards.Count} shards; 1 to {MaxShards} are read.")
            : [.. shards.Select(shard => (Path.Combine(directory, shard.Key), (HashSet<string>?)shard.ToHashSet(StringComparer.Ordinal)))];
    }

    /// <summary>A shard that does not hold what the index lists is one of another checkpoint, however well its tensors fit.</summary>
    private static IEnumerable<string> Misplaced(string shard, HashSet<string> listed, SafetensorsFile file) =>
    [
        .. listed.Where(name => !file.Entries.ContainsKey(name))
            .Select(name => $"{HostileText.Show(name)} is not in {shard}, where the index puts it"),
        .. file.Entries.Keys.Where(name => !listed.Contains(name))
            .Select(name => $"{HostileText.Show(name)} is in {shard}, where the index does not put it"),
    ];

    /// <summary>A shard is a plain file of the directory, on every system: a path would let a model read files elsewhere.</summary>
    private static bool IsPlain(string shard) =>
        shard.EndsWith(".safetensors", StringComparison.Ordinal)
        && !shard.Any(c => char.IsControl(c) || @"/\:*?""<>|".Contains(c, StringComparison.Ordinal));

    private static Dictionary<string, float[]> ReadTensors(
        string directory, DassConfig config, List<SafetensorsFile> files, List<string> problems)
    {
        var found = new Dictionary<string, (SafetensorsFile File, SafetensorsFile.Entry Entry)>(StringComparer.Ordinal);
        foreach (var file in files)
        {
            foreach (var entry in file.Entries.Values)
            {
                if (!found.TryAdd(TensorNames.Published(entry.Name), (file, entry)))
                {
                    problems.Add($"{HostileText.Show(entry.Name)} is there twice");
                }
            }
        }

        var fitting = new List<(string Name, SafetensorsFile File, SafetensorsFile.Entry Entry)>();
        foreach (var (name, shape) in TensorNames.For(config))
        {
            if (!found.Remove(name, out var place))
            {
                problems.Add($"{name} is missing");
            }
            else if (!SameShape(name, shape, place.Entry.Shape))
            {
                problems.Add(
                    $"{place.Entry.Name} has shape [{string.Join(", ", place.Entry.Shape)}] instead of [{string.Join(", ", shape)}]");
            }
            else
            {
                fitting.Add((name, place.File, place.Entry));
            }
        }
        problems.AddRange(found.Values.Select(place => $"{HostileText.Show(place.Entry.Name)} is not part of this architecture"));
        CheckSize(directory, fitting.Sum(tensor => (long)tensor.Entry.Length));

        var tensors = new Dictionary<string, float[]>(StringComparer.Ordinal);
        foreach (var (name, file, entry) in fitting)
        {
            var values = file.Read(entry);
            if (values.FirstOrDefault(value => !float.IsFinite(value)) is var broken && !float.IsFinite(broken))
            {
                problems.Add($"{entry.Name} holds {broken}");
            }
            tensors.Add(name, values);
        }
        return problems.Count == 0
            ? tensors
            : throw new ModelLoadException(
                $"{directory}: the weights do not fit config.json ({problems.Count} problems): "
                + string.Join("; ", problems.Take(MaxProblems))
                + (problems.Count > MaxProblems ? "; …" : "."));
    }

    /// <summary>A sparse file is as long as it likes and takes no disk: what it would take in memory is looked at before.</summary>
    private static void CheckSize(string directory, long values)
    {
        var most = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;
        if (values * sizeof(float) > most)
        {
            throw new ModelLoadException(
                $"{directory}: the weights take {values * sizeof(float)} bytes; a half of this process's memory is {most}.");
        }
    }

    /// <summary>
    /// The projections of the four routes are stored together or as [4, .., ..]; both are the same values in the same order.
    /// </summary>
    private static bool SameShape(string name, ImmutableArray<int> wanted, ImmutableArray<int> actual) =>
        wanted.SequenceEqual(actual)
        || ((name.EndsWith("x_proj.weight", StringComparison.Ordinal) || name.EndsWith("dt_projs.weight", StringComparison.Ordinal))
            && actual.SequenceEqual([4, wanted[0] / 4, wanted[1]]));

    private static string Hash(DassConfig config, Dictionary<string, float[]> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(FormattableString.Invariant(
            $"dass;{string.Join(',', config.Dims)};{string.Join(',', config.Depths)};{config.LabelCount};{config.MelBins};")
            + FormattableString.Invariant($"{config.FeatureMean:R};{config.FeatureStd:R};")
            + (config.WindowFrames == DassConfig.UsualWindowFrames ? "" : FormattableString.Invariant($"{config.WindowFrames};"))));
        foreach (var (name, values) in tensors.OrderBy(tensor => tensor.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            hash.AppendData(MemoryMarshal.AsBytes<float>(values));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
