using System.Globalization;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Clips;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Records;
using Dass.Grid.Grains.Storage;
using Dass.Grid.Grains.Streams;
using Dass.Grid.Grains.Tenants;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Storage;

namespace Dass.Grid.Grains.Hosting;

public static class SiloBuilderExtensions
{
    /// <summary>Sections below <c>Grid</c>, and the classes whose settings are in them.</summary>
    public static IReadOnlyList<(string Section, Type Options)> LimitSections { get; } =
    [
        ("", typeof(ModelRegistryOptions)), ("Streams", typeof(DeviceWatchdogOptions)), ("Streams", typeof(CheckpointOptions)),
        ("Streams", typeof(StreamGrainOptions)), ("Streams", typeof(RecordOptions)), ("Streams", typeof(ClipOptions)),
        ("Streams", typeof(TenantListOptions)),
    ];

    /// <summary>
    /// Limits of this silo: models from the section <c>Grid</c>, everything else from <c>Grid:Streams</c>. Checked at start.
    /// </summary>
    public static IServiceCollection AddDassLimits(this IServiceCollection services, IConfiguration grid)
    {
        var streams = grid.GetSection("Streams");
        services.AddLimits<ModelRegistryOptions, ModelRegistryOptionsValidator>(grid);
        services.AddLimits<DeviceWatchdogOptions, DeviceWatchdogOptionsValidator>(streams);
        services.AddLimits<CheckpointOptions, CheckpointOptionsValidator>(streams);
        services.AddLimits<StreamGrainOptions, StreamGrainOptionsValidator>(streams);
        services.AddLimits<RecordOptions, RecordOptionsValidator>(streams);
        services.PostConfigure<RecordOptions>(records => records.LongestPause =
            TimeSpan.TryParse(streams[nameof(StreamGrainOptions.IdleTimeout)], CultureInfo.InvariantCulture, out var pause)
                ? pause : new StreamGrainOptions().IdleTimeout);
        services.AddLimits<ClipOptions, ClipOptionsValidator>(streams);
        services.AddLimits<TenantListOptions, TenantListOptionsValidator>(streams);
        return services;
    }

    /// <summary>This silo runs models and owns streams.</summary>
    public static ISiloBuilder AddDassStreams(this ISiloBuilder silo)
    {
        silo.Services.AddMetrics();
        silo.Services.AddSingleton<GrainsInstruments>();
        silo.Services.AddSingleton(services => new StoreHealth(
            services.GetRequiredKeyedService<IGrainStorage>(GridStorage.Provider), services.GetRequiredService<TimeProvider>()));
        silo.Services.AddKeyedSingleton<IGrainStorage>(GridStorage.Name, (services, _) => new WatchedGrainStorage(
            services.GetRequiredKeyedService<IGrainStorage>(GridStorage.Provider), services.GetRequiredService<StoreHealth>()));
        silo.Services.AddSingleton<ModelRegistry>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<ModelRegistry>());
        silo.Services.AddSingleton<LocalStreams>();
        silo.Services.AddSingleton<StreamGrainShared>();
        silo.Services.AddHostedService(services => new DeviceWatchdog(
            () => services.GetRequiredService<ModelRegistry>().All.Select(model => (model.Name, model.Engine.LongestRun)),
            services.GetRequiredService<IOptions<DeviceWatchdogOptions>>().Value.StuckAfter,
            Environment.FailFast,
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<DeviceWatchdog>>()));
        silo.Services.AddSingleton<ClipUsage>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<ClipUsage>());
        silo.Services.AddSingleton<LookupRateLimiter>();
        silo.Services.AddHostedService<TenantWaker>();
        silo.Services.AddSingleton<LoadReporter>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<LoadReporter>());
        return silo.AddDassPlacement();
    }

    /// <summary>This silo belongs to the grid and has no grain of it: a gateway.</summary>
    public static ISiloBuilder WithoutDassStreams(this ISiloBuilder silo)
    {
        silo.Services.Configure<GrainTypeOptions>(
            types => types.Classes.RemoveWhere(type => type.Assembly == typeof(StreamGrain).Assembly));
        return silo.AddDassPlacement();
    }

    /// <summary>The store is a directory of this machine.</summary>
    public static ISiloBuilder UseDassFileStore(this ISiloBuilder silo, string directory, string grid)
    {
        silo.Services.AddKeyedSingleton<IGrainStorage>(GridStorage.Provider, new FileGrainStorage(directory, grid));
        return silo;
    }

    private static ISiloBuilder AddDassPlacement(this ISiloBuilder silo)
    {
        silo.Services.TryAddSingleton(services => new SteadyTime(services.GetRequiredService<TimeProvider>()));
        silo.Services.AddSingleton(services => new LoadMap(services.GetRequiredService<SteadyTime>()));
        silo.Services.AddSingleton<LoadServiceClient>();
        silo.Services.AddSingleton<DrainOrder>();
        silo.AddGrainService<LoadService>();
        silo.Services.AddPlacementDirector<StreamPlacement, StreamPlacementDirector>();
        return silo;
    }

    private static void AddLimits<TOptions, TValidator>(this IServiceCollection services, IConfiguration section)
        where TOptions : class
        where TValidator : class, IValidateOptions<TOptions>
    {
        services.AddOptions<TOptions>().Bind(section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<TOptions>, TValidator>();
    }
}
