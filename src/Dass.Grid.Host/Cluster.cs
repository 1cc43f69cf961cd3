using System.Net;
using Dass.Grid.Grains;
using Orleans.Configuration;

namespace Dass.Grid.Host;

/// <summary>The process as a silo of the grid. Every role is a silo: a gateway calls its streams' silos directly, with no hop between.</summary>
internal static class Cluster
{
    /// <summary>Calls that may wait for one grain: one feeder awaits each push, so more means that somebody does not.</summary>
    private const int MaxWaitingCalls = 64;

    public static void UseGridCluster(this WebApplicationBuilder builder, GridOptions grid) => builder.UseOrleans(silo =>
    {
        var self = new IPEndPoint(IPAddress.Loopback, grid.SiloPort);
        silo.UseDevelopmentClustering(grid.PrimarySilo is { } primary ? IPEndPoint.Parse(primary) : self);
        silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = ("dass-grid", "dass-grid"));
        silo.Configure<EndpointOptions>(endpoint =>
        {
            endpoint.AdvertisedIPAddress = self.Address;
            endpoint.SiloPort = self.Port;
            endpoint.GatewayPort = 0; // Orleans clients outside the grid are not served
        });
        silo.Configure<SiloMessagingOptions>(messaging => messaging.MaxEnqueuedRequestsHardLimit = MaxWaitingCalls);
        silo.AddActivityPropagation();
        if (grid.Role == GridRole.Gateway)
        {
            silo.WithoutDassStreams();
        }
        else
        {
            silo.AddDassStreams();
        }
    });
}
