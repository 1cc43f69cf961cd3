using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Grid;

/// <summary>How the calls of a gateway reach the grid: grains, the gateway's options, clock and measurements.</summary>
internal sealed class GridAccess(
    IGrainFactory grains, GatewayInstruments instruments, IOptions<GatewayOptions> options, TimeProvider time, ILogger<GridAccess> logger)
{
    public IGrainFactory Grains => grains;

    public GatewayInstruments Instruments => instruments;

    public GatewayOptions Options { get; } = options.Value;

    public TimeProvider Time => time;

    public ILogger Logger => logger;
}
