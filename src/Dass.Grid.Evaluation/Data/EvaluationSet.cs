using System.Globalization;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Evaluation.Data;

/// <summary>One file of a data set.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Labels">Indices of the labels that are heard in it; none: no known sound.</param>
/// <param name="Events">Those whose times are known; <c>File</c> is the place in the set.</param>
public sealed record EvaluationFile(string Path, IReadOnlySet<int> Labels, IReadOnlyList<SoundEvent> Events);

/// <summary>
/// Recordings with their labels: a CSV with the columns <c>file</c> (relative to the CSV) and <c>labels</c> (display names or ids,
/// separated by <c>;</c>) or <c>audioset_label</c> (one name), and, where known, <c>onset</c> and <c>offset</c> in seconds and <c>fold</c>.
/// Several rows of one file are several events. A row without labels means that no known sound is in the file: it counts against every
/// label that scores high there, and not in top-1, where no answer could be right. Other columns are not read.
/// </summary>
public sealed class EvaluationSet
{
    private EvaluationSet(IReadOnlyList<EvaluationFile> files) => Files = files;

    public IReadOnlyList<EvaluationFile> Files { get; }

    /// <summary>Indices of the labels that occur, in order.</summary>
    public int[] Labels => [.. Files.SelectMany(file => file.Labels).Distinct().Order()];

    /// <summary>The first files of each label, in order; files without a label count as one label's.</summary>
    /// <remarks>A label has more where files are another's first.</remarks>
    /// <param name="perLabel">How many, 1 or more.</param>
    public EvaluationSet First(int perLabel)
    {
        var (seen, files) = (new Dictionary<int, int>(), new List<EvaluationFile>());
        foreach (var file in Files)
        {
            var wanted = false;
            foreach (var label in file.Labels.DefaultIfEmpty(-1))
            {
                wanted |= (seen[label] = seen.GetValueOrDefault(label) + 1) <= perLabel;
            }
            if (wanted)
            {
                files.Add(file with { Events = [.. file.Events.Select(sound => sound with { File = files.Count })] });
            }
        }
        return new EvaluationSet(files);
    }

    /// <param name="path">The CSV.</param>
    /// <param name="known">The model's labels.</param>
    /// <param name="folds">Rows of other folds are left out; empty: all rows.</param>
    /// <param name="needsLabels">A set without any label is refused.</param>
    /// <exception cref="FormatException">A row breaks a rule; the message names file, line, field, value and rule.</exception>
    public static EvaluationSet Read(string path, LabelSet known, IReadOnlyCollection<int> folds, bool needsLabels = true)
    {
        using var reader = new StreamReader(path);
        var csv = new CsvReader(reader, path);
        var header = csv.Next() ?? throw new FormatException($"{path} is empty; its first line must name the columns.");
        int Column(string name) => Array.FindIndex(header, column => column.Trim().Equals(name, StringComparison.OrdinalIgnoreCase));
        var (file, labels, single, onset, offset, fold) =
            (Column("file"), Column("labels"), Column("audioset_label"), Column("onset"), Column("offset"), Column("fold"));
        if (file < 0 || (labels < 0 && single < 0))
        {
            throw new FormatException(
                $"{path}: the columns are {string.Join(", ", header)}; there must be 'file' and 'labels' (or 'audioset_label').");
        }
        if (folds.Count > 0 && fold < 0)
        {
            throw new FormatException($"{path}: the columns are {string.Join(", ", header)}; to choose a fold there must be 'fold'.");
        }
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        var byPath = new Dictionary<string, (int Index, HashSet<int> Labels, List<SoundEvent> Events)>();
        while (csv.Next() is { } row)
        {
            string Field(int column) => column >= 0 && column < row.Length ? row[column].Trim() : "";
            FormatException Broken(string field, string value, string rule) =>
                new($"{path}, line {csv.Line}: {field} is '{value}'; {rule}.");
            double Seconds(string name, int column) =>
                double.TryParse(Field(column), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                && double.IsFinite(value) && value >= 0
                    ? value
                    : throw Broken(name, Field(column), "it must be seconds, 0 or more");

            if (Field(file).Length == 0)
            {
                throw Broken("file", "", "it must name a recording");
            }
            if (folds.Count > 0)
            {
                if (!int.TryParse(Field(fold), NumberStyles.Integer, CultureInfo.InvariantCulture, out var number))
                {
                    throw Broken("fold", Field(fold), "it must be a whole number");
                }
                if (!folds.Contains(number))
                {
                    continue;
                }
            }
            var full = System.IO.Path.Combine(folder, Field(file));
            if (!byPath.TryGetValue(full, out var entry))
            {
                if (!File.Exists(full))
                {
                    throw Broken("file", Field(file), $"there is no such file in {folder}");
                }
                byPath.Add(full, entry = (byPath.Count, [], []));
            }
            var names = Field(labels >= 0 ? labels : single) is var text && labels >= 0
                ? text.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                : text.Length > 0 ? [text] : [];
            if (Field(onset).Length == 0 && Field(offset).Length > 0)
            {
                throw Broken("offset", Field(offset), "there must be an onset before it");
            }
            if (Field(onset).Length > 0 && names.Length == 0)
            {
                throw Broken(labels >= 0 ? "labels" : "audioset_label", "", "an onset must have the label that it is the onset of");
            }
            foreach (var name in names)
            {
                var label = known.Find(name) ?? throw Broken("label", name, "the model does not know it");
                entry.Labels.Add(label.Index);
                if (Field(onset).Length > 0)
                {
                    var (begin, end) = (Seconds("onset", onset), Seconds("offset", offset));
                    if (end <= begin)
                    {
                        throw Broken("offset", Field(offset), $"it must be after the onset at {Field(onset)}");
                    }
                    entry.Events.Add(new SoundEvent(entry.Index, label.Index, begin, end));
                }
            }
        }
        var none = byPath.Count == 0 ? "recordings" : needsLabels && byPath.Values.All(entry => entry.Labels.Count == 0) ? "labels" : null;
        return none is not null
            ? throw new FormatException($"{path} names no {none}{(folds.Count > 0 ? $" of fold {string.Join(", ", folds)}" : "")}.")
            : new EvaluationSet([.. byPath.Select(entry => new EvaluationFile(entry.Key, entry.Value.Labels, entry.Value.Events))]);
    }
}
