using System.Collections.Immutable;
using Dass.Grid.Engine.Streaming;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Models;

/// <summary>One engine per model of this silo: started before the silo takes work, disposed after its last grain is gone.</summary>
public sealed partial class ModelRegistry(
    IOptions<ModelRegistryOptions> options, ILogger<ModelRegistry> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    // Replaced as a whole, so that metrics can read it from any thread.
    private ImmutableArray<ServedModel> _models = [];

    /// <summary>The default model first; empty until the silo has started.</summary>
    public IReadOnlyList<ServedModel> All => _models;

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(nameof(ModelRegistry), ServiceLifecycleStage.ApplicationServices, StartAsync, StopAsync);

    /// <param name="name">Null or empty: the default model.</param>
    /// <param name="model">The model, or null when no model has this name.</param>
    /// <returns>Why there is none, or null.</returns>
    public Refusal? Find(string? name, out ServedModel model)
    {
        model = string.IsNullOrEmpty(name) ? _models[0] : _models.FirstOrDefault(m => m.Name == name)!;
        return model is null
            ? new Refusal(RefusalCode.UnknownModel, $"model '{name}' is unknown; this grid has {string.Join(", ", _models.Select(m => m.Name))}.")
            : null;
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var configured = options.Value.Models;
        if (configured.Count == 0)
        {
            configured = new() { [ModelRegistryOptions.BuiltIn] = new EngineOptions() };
        }
        var defaultName = options.Value.DefaultModel ?? configured.Keys.First();
        try
        {
            foreach (var (name, engineOptions) in configured.OrderByDescending(model => model.Key == defaultName))
            {
                var engine = await StreamEngine.StartAsync(engineOptions, cancellationToken);
                var served = new ServedModel(engine, Card(name, engine, name == defaultName));
                _models = _models.Add(served);
                LogServing(name, engine.Model.Hash, engine.Slots.Capacity, served.Card.Summary.Note);
            }
        }
        catch
        {
            await StopAsync(CancellationToken.None);
            throw;
        }
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        var models = _models;
        _models = [];
        foreach (var model in models)
        {
            await model.Engine.DisposeAsync();
        }
    }

    private static ModelCard Card(string name, StreamEngine engine, bool isDefault)
    {
        var labels = engine.Model.Labels.All.Select(label => new LabelName(label.Id, label.Name)).ToArray();
        return new ModelCard(new ModelSummary(name, engine.Model.Hash, labels.Length, engine.Model.Note ?? "", isDefault), labels);
    }

    [LoggerMessage(LogLevel.Information, "Serving model {Model} ({Hash}), {Slots} stream slots. {Note}")]
    private partial void LogServing(string model, string hash, int slots, string note);
}
