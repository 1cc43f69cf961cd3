using Orleans.Concurrency;

namespace Dass.Grid.Grains.Models;

[StatelessWorker, GrainType("modelcatalog")]
public sealed class ModelCatalogGrain(ModelRegistry models) : Grain, IModelCatalogGrain
{
    public Task<ModelSummary[]> List() => Task.FromResult(models.All.Select(model => model.Card.ListedSummary()).ToArray());

    public Task<Outcome<ModelCard>> Get(string? name) =>
        Task.FromResult<Outcome<ModelCard>>(models.Find(name, out var model) is { } refusal ? refusal : model.Card);
}
