using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Models;

/// <summary>
/// One engine per model of this silo: the configured ones start before the silo takes work, registered ones when the registry names them.
/// All are disposed after the silo's last grain is gone.
/// </summary>
public sealed partial class ModelRegistry(
    IOptions<ModelRegistryOptions> options,
    IGrainFactory grains,
    IMeterFactory meters,
    GrainsInstruments instruments,
    TimeProvider time,
    ILogger<ModelRegistry> logger)
    : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _loading = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<(ServedModel, DeviceLostException)> _loss =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly HashSet<ModelRecord> _unusable = [];
    private Task _following = Task.CompletedTask;

    /// <summary>Starts the engine of a registered model. Tests put another in its place.</summary>
    internal Func<EngineOptions, CancellationToken, Task<StreamEngine>> Start { get; set; } = StreamEngine.StartAsync;

    private long _version = -1;

    // Replaced as a whole, so that metrics and grains can read it from any thread.
    private ImmutableArray<ServedModel> _models = [];

    /// <summary>The default model first; empty until the silo has started.</summary>
    public IReadOnlyList<ServedModel> All => _models;

    /// <summary>Completes when the device of a model is lost, with the first such model and the reason.</summary>
    public Task<(ServedModel Model, DeviceLostException Reason)> Loss => _loss.Task;

    public void Participate(ISiloLifecycle lifecycle)
    {
        lifecycle.Subscribe(nameof(ModelRegistry), ServiceLifecycleStage.ApplicationServices, StartAsync, StopAsync);
        lifecycle.Subscribe(nameof(ModelRegistry), ServiceLifecycleStage.Active, StartFollowing, StopFollowing);
    }

    /// <param name="name">Null or empty: the default model.</param>
    /// <param name="model">The model, or null when no model has this name.</param>
    /// <returns>Why there is none, or null.</returns>
    public Refusal? Find(string? name, out ServedModel model)
    {
        var models = _models;
        model = string.IsNullOrEmpty(name) ? models[0] : models.FirstOrDefault(m => m.Name == name)!;
        return model is not null ? null
            : _version < 0
            ? new Refusal(RefusalCode.Busy, $"model '{name}' is not served by this silo yet, which has just started. Call again.")
            : new Refusal(
                RefusalCode.UnknownModel, $"model '{name}' is unknown; this grid has {string.Join(", ", models.Select(m => m.Name))}.");
    }

    /// <summary>Serves a model from now on; one that is served already is left as it is.</summary>
    /// <param name="name">What requests call it.</param>
    /// <param name="directory">In Hugging Face layout.</param>
    /// <param name="maxStreams">Slots.</param>
    /// <param name="hash">What its hash must be; null: any.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ModelLoadException">The directory cannot be used, or holds other weights.</exception>
    public async Task<ServedModel> LoadAsync(
        string name, string directory, int maxStreams, string? hash, CancellationToken cancellationToken)
    {
        await _loading.WaitAsync(cancellationToken);
        try
        {
            if (_models.FirstOrDefault(model => model.Name == name) is { } served)
            {
                return served;
            }
            var engineOptions = new EngineOptions { ModelDirectory = directory, MaxStreams = maxStreams, Meters = meters };
            var engine = await StartInTimeAsync(engineOptions, cancellationToken);
            if (hash is not null && engine.Model.Hash != hash)
            {
                await engine.DisposeAsync();
                throw new ModelLoadException($"{directory} holds the weights {engine.Model.Hash}; {hash} were registered.");
            }
            return Serve(name, engine, isDefault: false, directory);
        }
        finally
        {
            _loading.Release();
        }
    }

    /// <summary>A file that does not answer must not hold up the models after it for ever.</summary>
    private async Task<StreamEngine> StartInTimeAsync(EngineOptions engineOptions, CancellationToken cancellationToken)
    {
        var starting = Start(engineOptions, cancellationToken);
        try
        {
            return await starting.WaitAsync(options.Value.MaxLoadTime, time, cancellationToken);
        }
        catch (Exception) when (!starting.IsCompleted)
        {
            _ = starting.ContinueWith(
                late => late.Result.DisposeAsync().AsTask(),
                CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
            cancellationToken.ThrowIfCancellationRequested();
            var seconds = options.Value.MaxLoadTime.TotalSeconds;
            throw new ModelLoadException($"{engineOptions.ModelDirectory} was not loaded within {seconds:0.###} s (Grid:MaxLoadTime).");
        }
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
                engineOptions.Meters = meters;
                Serve(name, await StreamEngine.StartAsync(engineOptions, cancellationToken), name == defaultName);
            }
        }
        catch
        {
            await StopAsync(CancellationToken.None);
            throw;
        }
    }

    private ServedModel Serve(string name, StreamEngine engine, bool isDefault, string? directory = null)
    {
        var labels = engine.Model.Labels.All.Select(label => Name(label, engine.Model.Labels)).ToArray();
        var served = new ServedModel(
            engine, new ModelCard(new ModelSummary(name, engine.Model.Hash, labels.Length, engine.Model.Note ?? "", isDefault), labels))
        {
            Directory = directory,
        };
        _models = _models.Add(served);
        instruments.OnServed(name);
        _ = FollowLossAsync(served);
        LogServing(
            name, engine.Model.Hash, served.DeviceNames, engine.Devices.Sum(device => device.MemoryBytes) / 1e9, engine.Slots.Capacity,
            engine.Rate, served.Card.Summary.Note);
        if (engine.DeviceWarning is { } warning)
        {
            LogOtherDevice(name, warning);
        }
        return served;
    }

    private async Task FollowLossAsync(ServedModel model) => _loss.TrySetResult((model, await model.Engine.Loss));

    private static LabelName Name(Label label, LabelSet labels) => new(label.Id, label.Name)
    {
        Hidden = !label.IsOffered,
        Background = label.IsBackground,
        Ancestors = labels.Ancestors(label.Index),
        Evidence = label.Evidence?.Kind.ToString().ToLowerInvariant(),
        Auc = label.Evidence?.Auc ?? 0,
        Clips = label.Evidence?.Clips ?? 0,
    };

    private Task StartFollowing(CancellationToken cancellationToken)
    {
        _following = FollowAsync(_stopping.Token);
        return Task.CompletedTask;
    }

    private async Task StopFollowing(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _following;
    }

    /// <summary>Serves what is registered, a second or two after it is.</summary>
    private async Task FollowAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Poll, time);
        try
        {
            do
            {
                try
                {
                    if (await grains.GetGrain<IRegistryGrain>(0).Get(_version).WaitAsync(stopping) is { } registry)
                    {
                        foreach (var record in registry.Models.Where(record => !_unusable.Contains(record)))
                        {
                            await FollowAsync(record, stopping);
                        }
                        _version = registry.Version;
                    }
                }
                catch (Exception failure) when (!stopping.IsCancellationRequested) // the directory cancels calls, too
                {
                    LogNoRegistry(failure.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task FollowAsync(ModelRecord record, CancellationToken stopping)
    {
        try
        {
            await LoadAsync(record.Name, record.Directory, record.MaxStreams, record.Hash, stopping);
        }
        catch (Exception unusable) when (!stopping.IsCancellationRequested) // others that are registered go on
        {
            _unusable.Add(record); // until this silo starts again: the log says so
            LogUnusable(record.Name, record.Directory, unusable.Message);
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
}
