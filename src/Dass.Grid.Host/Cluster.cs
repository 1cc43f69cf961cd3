using System.Net;
using Dass.Grid.Grains;
using Dass.Grid.Grains.Hosting;
using Dass.Grid.Grains.Storage;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using StackExchange.Redis;

namespace Dass.Grid.Host;

/// <summary>
/// The process as a silo of the grid. Every role is a silo: a gateway calls its streams' silos directly, with no hop between.
/// </summary>
internal static class Cluster
{
    /// <summary>
    /// Calls that may wait for one grain: a tenant's usage record has one from each of its streams when all end at once. A stream has one
    /// of its feeder.
    /// </summary>
    private const int MaxWaitingCalls = 10_000;

    /// <summary>A batch of moving streams must not hold up probes and calls on the same connection.</summary>
    private const int MaxMessageBytes = 16 << 20;

    /// <summary>The provider's name for PostgreSQL.</summary>
    private const string Npgsql = "Npgsql";

    public static void UseGridCluster(this WebApplicationBuilder builder, GridOptions grid) => builder.UseOrleans(silo =>
    {
        silo.UseClustering(grid);
        silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (grid.Name, grid.Name));
        silo.Configure<EndpointOptions>(endpoint =>
        {
            endpoint.AdvertisedIPAddress = IPAddress.Parse(grid.SiloAddress);
            endpoint.SiloPort = grid.SiloPort;
            endpoint.GatewayPort = 0; // Orleans clients outside the grid are not served
        });
        if (grid.SiloCertificate is not null)
        {
            silo.Services.AddOptions<SiloConnectionOptions>().Configure<ILogger<SiloTls>>(
                (connections, logger) => new SiloTls(grid, TimeProvider.System, logger).Configure(connections));
        }
        silo.Configure<ClusterMembershipOptions>(membership =>
        {
            // The defaults take a minute to notice a silo that hangs.
            membership.ProbeTimeout = grid.ProbeInterval;
            membership.MaxProbeTimeout = grid.ProbeInterval * 2;
            membership.NumMissedProbesLimit = 2;
            membership.TableRefreshTimeout = TimeSpan.FromSeconds(10);
            // After a power cut the table still lists the dead, and none that joins gets an answer of them: they count as alive for three
            // of these, by default for a minute and a half.
            membership.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(5);
        });
        silo.Configure<SiloMessagingOptions>(messaging =>
        {
            messaging.MaxEnqueuedRequestsHardLimit = MaxWaitingCalls;
            messaging.MaxMessageBodySize = MaxMessageBytes;
        });
        // Orleans' older directory takes streams of other silos along with the silo that knew their places. This one does not; by default
        // it keeps the places of a silo that died for half a minute, so that no grain is active twice, but the store's ETag sees to that at
        // once.
#pragma warning disable ORLEANSEXP003
        silo.AddDistributedGrainDirectory();
#pragma warning restore ORLEANSEXP003
        silo.Configure<GrainDirectoryOptions>(directory => directory.RangeLeaseDuration = TimeSpan.Zero);
        silo.AddActivityPropagation();
        silo.UseSteadyTime();
        if (grid.Role == GridRole.Gateway)
        {
            silo.WithoutDassStreams();
        }
        else
        {
            silo.AddDassStreams().UseStore(grid);
        }
    });

    /// <summary>
    /// Orleans' timers stand still for as long as a clock is set back, and its collector then refuses new activations. Its membership keeps
    /// the machine's clock: silos compare their times there.
    /// </summary>
    private static void UseSteadyTime(this ISiloBuilder silo)
    {
        var steady = new SteadyTime(TimeProvider.System);
        silo.Services.TryAddKeyedSingleton<TimeProvider>(TimeProviderNames.ActivationManagement, steady);
        silo.Services.TryAddKeyedSingleton<TimeProvider>(TimeProviderNames.SystemTimers, steady);
        silo.Services.TryAddKeyedSingleton<TimeProvider>(
            TimeProviderNames.Grains, (services, _) => services.GetRequiredService<SteadyTime>());
    }

    private static void UseClustering(this ISiloBuilder silo, GridOptions grid)
    {
        switch (grid.Cluster)
        {
            case ClusterKind.Redis:
                silo.UseRedisClustering(redis => redis.ConfigurationOptions = Redis(grid));
                break;
            case ClusterKind.Postgres:
                silo.UseAdoNetClustering(database => (database.Invariant, database.ConnectionString) = (Npgsql, grid.Postgres));
                break;
            default:
                var self = new IPEndPoint(IPAddress.Parse(grid.SiloAddress), grid.SiloPort);
                silo.UseDevelopmentClustering(grid.PrimarySilo is { } primary ? IPEndPoint.Parse(primary) : self);
                break;
        }
    }

    private static void UseStore(this ISiloBuilder silo, GridOptions grid)
    {
        var serializer = new BytesSerializer();
        switch (grid.Store)
        {
            case StoreKind.Redis:
                silo.AddRedisGrainStorage(
                    GridStorage.Provider,
                    redis =>
                    {
                        redis.ConfigurationOptions = Redis(grid);
                        redis.GrainStorageSerializer = serializer;
                        redis.DeleteStateOnClear = true;
                    });
                break;
            case StoreKind.Postgres:
                silo.AddAdoNetGrainStorage(
                    GridStorage.Provider,
                    database =>
                    {
                        database.Invariant = Npgsql;
                        database.ConnectionString = grid.Postgres;
                        database.GrainStorageSerializer = serializer;
                        database.DeleteStateOnClear = true;
                    });
                break;
            case StoreKind.Memory:
                silo.AddMemoryGrainStorage(GridStorage.Provider, memory => memory.GrainStorageSerializer = serializer);
                break;
            default:
                try
                {
                    silo.UseDassFileStore(grid.StoreDirectory, grid.Name);
                }
                catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidOperationException)
                {
                    throw new OptionsValidationException(
                        "Grid", typeof(GridOptions),
                        [$"Grid:StoreDirectory is '{grid.StoreDirectory}', which cannot be used: {failure.Message}"]);
                }
                break;
        }
    }

    private static ConfigurationOptions Redis(GridOptions grid)
    {
        var redis = ConfigurationOptions.Parse(grid.Redis!);
        redis.AbortOnConnectFail = false; // it may come back
        return redis;
    }
}
