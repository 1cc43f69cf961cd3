using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Metadata;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>
/// A grain's type is part of the key of what the store holds of it, and of every message between silos of two versions: it must not follow
/// the names of classes and interfaces.
/// </summary>
[Collection(SharedGridCollection.Name)]
public sealed class GrainTypeTests(SharedGrid shared)
{
    [Fact]
    public void Every_grain_class_keeps_the_type_that_stores_know()
    {
        var resolver = shared.Grid.Host.Services.GetRequiredService<GrainTypeResolver>();
        var types = typeof(StreamGrain).Assembly.GetTypes()
            .Where(type => type is { IsClass: true, IsAbstract: false } && type.IsAssignableTo(typeof(Grain)))
            .Select(type => $"{resolver.GetGrainType(type)}")
            .Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "clip", "eventindex", "eventlog", "modelcatalog", "register", "silodirectory", "stream", "tenant", "tenantindex", "usage",
            ],
            types);
    }

    [Fact]
    public void Every_grain_interface_keeps_the_type_that_other_silos_know()
    {
        var resolver = shared.Grid.Host.Services.GetRequiredService<GrainInterfaceTypeResolver>();
        var types = typeof(IStreamGrain).Assembly.GetTypes()
            .Where(type => type.IsInterface && type.IsAssignableTo(typeof(IAddressable)))
            .Select(type => $"{resolver.GetGrainInterfaceType(type)}")
            .Order(StringComparer.Ordinal);
        Assert.Equal(
            [
                "dass.IClipGrain", "dass.IEventIndexGrain", "dass.IEventLogGrain", "dass.IModelCatalogGrain", "dass.IRegisterGrain",
                "dass.ISiloDirectoryGrain", "dass.IStreamGrain",
                "dass.ITagObserver", "dass.ITenantGrain", "dass.ITenantIndexGrain", "dass.IUsageGrain",
            ],
            types);
    }
}
