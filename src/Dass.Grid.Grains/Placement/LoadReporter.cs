using Dass.Grid.Grains.Models;
using Microsoft.Extensions.Logging;
using Orleans.Core.Internal;
using Orleans.Runtime.Placement;

namespace Dass.Grid.Grains.Placement;

/// <summary>
/// Reports this silo's load to all silos each second; moves streams to a silo that has much more room; drains this one before it stops.
/// </summary>
public sealed partial class LoadReporter(
    ILocalSiloDetails self,
    ISiloStatusOracle oracle,
    LoadServiceClient services,
    LoadMap map,
    ModelRegistry models,
    LocalStreams streams,
    IGrainFactory grains,
    TimeProvider time,
    ILogger<LoadReporter> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    private const int MovesAtOnce = 8;
    private const int Waves = 16; // a stream stands still while its own wave moves, and no longer
    private const int MaxWaveStreams = 64;
    private const int RebalanceEvery = 5; // reports
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DrainPoll = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan WavePatience = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stopping = new();
    private Task _reporting = Task.CompletedTask;
    private bool _draining;

    private SiloLoad Load => new(
        models.All.Sum(model => model.Engine.Slots.Capacity),
        streams.Count,
        models.All.Sum(model => model.Engine.QueueLength),
        _draining,
        [.. models.All.Select(model => model.Name)]);

    /// <summary>Silos that take streams.</summary>
    private IEnumerable<(SiloAddress Silo, SiloLoad Load)> Others =>
        map.Known.Where(known => !known.Silo.Equals(self.SiloAddress) && !known.Load.Draining && known.Load.Slots > 0);

    public void Participate(ISiloLifecycle lifecycle)
    {
        // Stops before anything else does: streams can move only while this silo is still a member.
        lifecycle.Subscribe(nameof(LoadReporter), ServiceLifecycleStage.Active + 1, StartAsync, StopAsync);
    }

    private Task StartAsync(CancellationToken cancellationToken)
    {
        _reporting = ReportAsync(_stopping.Token);
        return Task.CompletedTask;
    }

    private async Task ReportAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var count = 0;
        try
        {
            do
            {
                Report();
                if (++count % RebalanceEvery == 0)
                {
                    Rebalance();
                }
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException)
        {
        }
    }

    private void Report()
    {
        var load = Load;
        foreach (var (silo, _) in oracle.GetApproximateSiloStatuses(onlyActive: true))
        {
            services.ReportAsync(silo, self.SiloAddress, load).Ignore();
        }
    }

    /// <summary>A few streams at a time, and only when another silo holds far fewer: a move costs a stream a breath.</summary>
    private void Rebalance()
    {
        var others = Others.ToArray();
        if (others.Length == 0)
        {
            return;
        }
        var (emptiest, load) = others.MinBy(other => (double)other.Load.Used / other.Load.Slots);
        if (streams.Count <= 1.25 * load.Used + MovesAtOnce || load.Used >= load.Slots)
        {
            return;
        }
        var moved = streams.Live.Take(Math.Min((streams.Count - load.Used) / 2, MovesAtOnce)).ToArray();
        LogRebalance(moved.Length, streams.Count, emptiest, load.Used);
        RequestContext.Set(IPlacementDirector.PlacementHintKey, emptiest);
        foreach (var stream in moved)
        {
            Move(stream);
        }
        RequestContext.Remove(IPlacementDirector.PlacementHintKey);
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        _draining = true;
        Report();
        map.Report(self.SiloAddress, Load);
        var began = time.GetTimestamp();
        var count = streams.Unmoved.Count;
        if (Others.Any())
        {
            await DrainAsync(cancellationToken);
            LogDrained(count - streams.Unmoved.Count, count, time.GetElapsedTime(began).TotalSeconds);
        }
        else if (count > 0)
        {
            LogNowhere(count);
        }
        await _stopping.CancelAsync();
        await _reporting;
    }

    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        var waveStreams = Math.Clamp(streams.Unmoved.Count / Waves, MovesAtOnce, MaxWaveStreams);
        while (streams.Unmoved.Count > 0 && !cancellationToken.IsCancellationRequested)
        {
            var wave = streams.Unmoved.Take(waveStreams).ToArray();
            foreach (var stream in wave)
            {
                Move(stream);
            }
            var began = time.GetTimestamp();
            while (wave.Any(streams.Holds))
            {
                if (time.GetElapsedTime(began) > WavePatience || cancellationToken.IsCancellationRequested)
                {
                    return; // they go the way of the store when the silo deactivates them
                }
                await Task.Delay(DrainPoll, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Move(GrainId stream) => grains.GetGrain<IGrainManagementExtension>(stream).MigrateOnIdle().AsTask().Ignore();
}
