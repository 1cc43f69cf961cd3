using Dass.Grid.Grains.Clips;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Records;
using Dass.Grid.Grains.Storage;
using Dass.Grid.Grains.Streams;
using Dass.Grid.Grains.Tenants;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Storage;

namespace Dass.Grid.Grains.Hosting;

public static class SiloBuilderExtensions
{
    /// <summary>This silo runs models and owns streams.</summary>
    public static ISiloBuilder AddDassStreams(this ISiloBuilder silo)
    {
        silo.Services.AddMetrics();
        silo.Services.AddSingleton<GrainsInstruments>();
        silo.Services.AddSingleton<ModelRegistry>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<ModelRegistry>());
        silo.Services.AddSingleton<LocalStreams>();
        silo.Services.AddSingleton<StreamGrainShared>();
        silo.Services.AddHostedService(services => new DeviceWatchdog(
            () => services.GetRequiredService<ModelRegistry>().All.Select(model => (model.Name, model.Engine.LongestRun)),
            services.GetRequiredService<IOptions<StreamGrainOptions>>().Value.StuckAfter,
            Environment.FailFast,
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<DeviceWatchdog>>()));
        silo.Services.AddSingleton<LookupRateLimiter>();
        silo.Services.AddHostedService<TenantWaker>();
        silo.Services.AddSingleton<LoadReporter>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<LoadReporter>());
        return silo.AddDassLimits().AddDassPlacement();
    }

    /// <summary>This silo belongs to the grid and carries no streams: a gateway.</summary>
    public static ISiloBuilder WithoutDassStreams(this ISiloBuilder silo)
    {
        silo.Services.Configure<GrainTypeOptions>(types =>
        {
            types.Classes.Remove(typeof(StreamGrain));
            types.Classes.Remove(typeof(ClipGrain));
            types.Classes.Remove(typeof(ModelCatalogGrain));
            types.Classes.Remove(typeof(RegistryGrain));
            types.Classes.Remove(typeof(EventLogGrain));
            types.Classes.Remove(typeof(EventIndexGrain));
            types.Classes.Remove(typeof(TenantGrain));
            types.Classes.Remove(typeof(TenantIndexGrain));
            types.Classes.Remove(typeof(UsageGrain));
        });
        return silo.AddDassLimits().AddDassPlacement();
    }

    /// <summary>Streams are kept as files of this machine.</summary>
    public static ISiloBuilder UseDassFileStore(this ISiloBuilder silo, string directory)
    {
        silo.Services.AddKeyedSingleton<IGrainStorage>(StreamGrainShared.Store, new FileGrainStorage(directory));
        return silo;
    }

    private static ISiloBuilder AddDassPlacement(this ISiloBuilder silo)
    {
        silo.Services.AddSingleton<LoadMap>();
        silo.Services.AddSingleton<LoadServiceClient>();
        silo.AddGrainService<LoadService>();
        silo.Services.AddPlacementDirector<StreamPlacement, StreamPlacementDirector>();
        return silo;
    }

    private static ISiloBuilder AddDassLimits(this ISiloBuilder silo)
    {
        silo.Services.AddOptions<ModelRegistryOptions>().ValidateOnStart();
        silo.Services.AddOptions<StreamGrainOptions>().ValidateOnStart();
        silo.Services.AddSingleton<IValidateOptions<ModelRegistryOptions>, ModelRegistryOptionsValidator>();
        silo.Services.AddSingleton<IValidateOptions<StreamGrainOptions>, StreamGrainOptionsValidator>();
        return silo;
    }
}
