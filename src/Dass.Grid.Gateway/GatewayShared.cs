using Dass.Grid.Gateway.Scores;
using Dass.Grid.Gateway.Subscriptions;
using Dass.Grid.Gateway.Tenants;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway;

/// <summary>What all calls of a gateway have in common.</summary>
internal sealed class GatewayShared(
    IGrainFactory grains,
    ModelCards cards,
    StreamFeeds feeds,
    StreamListings listings,
    ModelNames names,
    TenantUses uses,
    GatewayInstruments instruments,
    IOptions<GatewayOptions> options,
    TimeProvider time,
    ILogger<GatewayShared> logger)
{
    public ILogger Logger => logger;

    public IGrainFactory Grains => grains;

    public ModelCards Cards => cards;

    public StreamFeeds Feeds => feeds;

    public StreamListings Listings => listings;

    public ModelNames Names => names;

    public TenantUses Uses => uses;

    public GatewayInstruments Instruments => instruments;

    public GatewayOptions Options { get; } = options.Value;

    public TimeProvider Time => time;
}
