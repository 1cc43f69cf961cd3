using Dass.Grid.Client;
using Dass.Grid.V1;

namespace Dass.Grid;

/// <summary>The labels of a grid's models: what a person names may be unknown, or computed and offered by none of them.</summary>
internal sealed class KnownLabels
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, bool> _offered = new(StringComparer.OrdinalIgnoreCase); // by name and by id

    private KnownLabels(IEnumerable<Label> labels)
    {
        foreach (var label in labels)
        {
            foreach (var name in (string[])[label.Name, label.Id])
            {
                _offered[name] = label.Offered || _offered.GetValueOrDefault(name);
            }
        }
    }

    /// <exception cref="Grpc.Core.RpcException">The grid is away, or refuses.</exception>
    public static async Task<KnownLabels> AskAsync(GridClient grid, CancellationToken cancellationToken)
    {
        var (labels, deadline) = (new List<Label>(), DateTime.UtcNow + Patience);
        var models = await grid.Tagging.ListModelsAsync(new ListModelsRequest(), deadline: deadline, cancellationToken: cancellationToken)
            .ConfigureAwait(false);
        foreach (var model in models.Models)
        {
            var answer = await grid.Tagging.ListLabelsAsync(
                new ListLabelsRequest { Model = model.Name }, deadline: deadline, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            // A grid of an earlier version does not say what it offers: then it is all.
            var says = answer.Labels.Any(label => label.Offered);
            labels.AddRange(answer.Labels.Select(label => new Label(label) { Offered = label.Offered || !says }));
        }
        return new KnownLabels(labels);
    }

    /// <summary>Why a label can have no events: no model has it. Null: one has, or the grid makes its events itself.</summary>
    public string? Missing(string label) => _offered.ContainsKey(label) || label.StartsWith("source.", StringComparison.Ordinal) ? null
        : $"no model of the grid has a label '{label}'.{Nearest.Question(label, _offered.Keys)}";

    /// <summary>Why a label has no events of itself: no model offers it. Null: one does.</summary>
    public string? Hidden(string label) => !_offered.TryGetValue(label, out var offered) || offered ? null
        : $"no model of the grid offers '{label}'; it has events only in streams that ask for it (event_labels).";
}
