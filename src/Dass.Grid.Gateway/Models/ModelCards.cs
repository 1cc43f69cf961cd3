using System.Collections.Concurrent;
using Dass.Grid.Gateway.Protocol;

namespace Dass.Grid.Gateway.Models;

/// <summary>
/// Names, labels and notes of the silos' models. Cards of streams are kept by the model's hash: names cannot change, and what a model
/// offers is as it was when this gateway first asked.
/// </summary>
internal sealed class ModelCards(IGrainFactory grains)
{
    private readonly ConcurrentDictionary<string, ModelCard> _byHash = new(StringComparer.Ordinal);

    private IModelCatalogGrain Catalog => grains.GetGrain<IModelCatalogGrain>(0);

    public Task<ModelSummary[]> ListAsync() => Catalog.List();

    /// <param name="name">Null: the default model.</param>
    /// <exception cref="RpcException">NOT_FOUND: no such model.</exception>
    public async Task<ModelCard> GetAsync(string? name) => (await Catalog.Get(name)).OrThrow();

    /// <summary>Labels of streams that may have any model, and may not be there yet.</summary>
    /// <exception cref="RpcException">NOT_FOUND: no model has one of them; names those that are nearest.</exception>
    public async Task CheckLabelsAsync(string field, IReadOnlyCollection<string> labels)
    {
        if (labels.Count == 0)
        {
            return;
        }
        var known = new List<LabelName>(SourceLabels.All);
        foreach (var model in await ListAsync())
        {
            known.AddRange((await GetAsync(model)).Labels);
        }
        if (labels.FirstOrDefault(label => !known.Exists(each => each.IsCalled(label))) is { } unknown)
        {
            throw ProtocolErrors.LabelOfNoModel(field, unknown, known.Select(each => each.Name));
        }
    }

    public async ValueTask<ModelCard> GetAsync(ModelSummary model)
    {
        if (!_byHash.TryGetValue(model.Hash, out var card))
        {
            card = await GetAsync(model.Name);
            _byHash[model.Hash] = card;
        }
        return card;
    }
}
