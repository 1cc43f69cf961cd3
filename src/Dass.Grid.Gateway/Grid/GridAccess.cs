using Dass.Grid.Gateway.Models;
using Dass.Grid.Gateway.Subscriptions;
using Dass.Grid.Gateway.Tenants;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Grid;

/// <summary>What all calls of a gateway have in common.</summary>
internal sealed class GridAccess(
    IGrainFactory grains,
    ModelCards cards,
    StreamObservers feeds,
    StreamListings listings,
    ModelAliases names,
    TenantQuotas uses,
    GatewayInstruments instruments,
    IOptions<GatewayOptions> options,
    TimeProvider time,
    ILogger<GridAccess> logger)
{
    public ILogger Logger => logger;

    public IGrainFactory Grains => grains;

    public ModelCards Cards => cards;

    public StreamObservers Feeds => feeds;

    public StreamListings Listings => listings;

    public ModelAliases Names => names;

    public TenantQuotas Uses => uses;

    public GatewayInstruments Instruments => instruments;

    public GatewayOptions Options { get; } = options.Value;

    public TimeProvider Time => time;
}
