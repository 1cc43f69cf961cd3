using Dass.Grid.Grains.Clips;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Dass.Grid.Grains;

public static class SiloBuilderExtensions
{
    /// <summary>This silo runs models and owns streams.</summary>
    public static ISiloBuilder AddDassStreams(this ISiloBuilder silo)
    {
        silo.Services.AddMetrics();
        silo.Services.AddSingleton<GrainsInstruments>();
        silo.Services.AddSingleton<ModelRegistry>();
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => services.GetRequiredService<ModelRegistry>());
        silo.Services.AddSingleton<StreamGrainShared>();
        return silo.AddDassLimits();
    }

    /// <summary>This silo belongs to the grid and carries no streams: a gateway.</summary>
    public static ISiloBuilder WithoutDassStreams(this ISiloBuilder silo)
    {
        silo.Services.Configure<GrainTypeOptions>(types =>
        {
            types.Classes.Remove(typeof(StreamGrain));
            types.Classes.Remove(typeof(ClipGrain));
            types.Classes.Remove(typeof(ModelCatalogGrain));
        });
        return silo.AddDassLimits();
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
