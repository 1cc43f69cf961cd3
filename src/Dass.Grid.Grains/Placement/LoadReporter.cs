using Dass.Grid.Grains.Models;
using Microsoft.Extensions.Logging;
using Orleans.Core.Internal;
using Orleans.Runtime.Placement;

namespace Dass.Grid.Grains.Placement;

/// <summary>
/// Reports this silo's load to all silos each second; moves streams to a silo that has much more room; drains this one before it stops,
/// when its device is lost, and while an administrator wants it.
/// </summary>
public sealed partial class LoadReporter(
    ILocalSiloDetails self,
    ISiloStatusOracle oracle,
    LoadServiceClient services,
    LoadMap map,
    ModelRegistry models,
    LocalStreams streams,
    DrainOrder order,
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
    private readonly Dictionary<ServedModel, int> _slots = []; // as last reported
    private Task _reporting = Task.CompletedTask;
    private Task _leaving = Task.CompletedTask;
    private Task _obeying = Task.CompletedTask;
    private volatile bool _isLeaving; // for good

    private bool IsDraining => _isLeaving || order.IsGiven;

    private SiloLoad Load
    {
        get
        {
            var served = models.All;
            var devices = served.SelectMany(model => model.Engine.Devices).Distinct().ToArray();
            return new SiloLoad(
                served.Sum(model => model.Engine.Slots.Capacity),
                streams.Count,
                served.Sum(model => model.Engine.QueueLength),
                IsDraining,
                [.. served.Select(model => model.Name)])
            {
                Rate = RateOf(served),
                Devices = [.. devices.Select(device => device.Name)],
                DeviceMemory = devices.Sum(device => device.MemoryBytes),
                Busy = served.Select(model => model.Engine.Busy).DefaultIfEmpty().Max(),
            };
        }
    }

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
        _leaving = LeaveLostDeviceAsync(_stopping.Token);
        _obeying = ObeyOrdersAsync(_stopping.Token);
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
                WarnOfFewerSlots();
                if (++count % RebalanceEvery == 0 && !IsDraining)
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

    /// <summary>
    /// Models of one silo share its device: what it carries depends on which of them its streams use. Without streams, on the default
    /// model.
    /// </summary>
    private static double RateOf(IReadOnlyList<ServedModel> served)
    {
        var used = served.Sum(model => model.Engine.Slots.Used);
        return served.Any(model => model.Engine.Rate <= 0) ? 0
            : used == 0 ? served.FirstOrDefault()?.Engine.Rate ?? 0
            : used / served.Sum(model => model.Engine.Slots.Used / model.Engine.Rate);
    }

    private void WarnOfFewerSlots()
    {
        foreach (var model in models.All)
        {
            var (slots, before) = (model.Engine.Slots.Capacity, _slots.GetValueOrDefault(model));
            if (slots < before)
            {
                LogFewerSlots(model.DeviceNames, model.Name, slots, before);
            }
            _slots[model] = slots;
        }
    }

    /// <summary>
    /// A few streams at a time, and only when another silo holds far fewer of what it can carry: a move costs a stream a breath.
    /// </summary>
    private void Rebalance()
    {
        string?[] used = [.. streams.Live.Select(streams.ModelOf).Distinct()];
        var others = Others.Where(other => used.Any(model => map.Serves(other.Silo, model))).ToArray();
        if (others.Length == 0)
        {
            return;
        }
        var mine = Load;
        var byRate = mine.Rate > 0 && others.All(other => other.Load.Rate > 0);
        var (emptiest, load) = others.MinBy(other => other.Load.Used / other.Load.Capacity(byRate));
        var (own, its) = (mine.Capacity(byRate), load.Capacity(byRate));
        var asFull = load.Used * own / its; // streams that this silo would hold if it were as full as the other
        if (mine.Used <= 1.25 * asFull + MovesAtOnce || load.Used >= load.Slots)
        {
            return;
        }
        var surplus = (int)((mine.Used - asFull) * its / (own + its)); // both are as full as each other without it
        var moved = streams.Live
            .Where(stream => map.Serves(emptiest, streams.ModelOf(stream)))
            .Take(Math.Min(surplus, MovesAtOnce))
            .ToArray();
        if (moved.Length == 0)
        {
            return;
        }
        LogRebalance(moved.Length, mine.Used, emptiest, load.Used);
        RequestContext.Set(IPlacementDirector.PlacementHintKey, emptiest);
        foreach (var stream in moved)
        {
            Move(stream);
        }
        RequestContext.Remove(IPlacementDirector.PlacementHintKey);
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        _isLeaving = true;
        AnnounceDraining();
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
        await _leaving;
        await _obeying;
    }

    /// <summary>
    /// A lost device stops this silo's service, not its process: streams move, those whose state is gone without it, and go on from the
    /// store; where this silo is a gateway too, its calls follow them.
    /// </summary>
    private async Task LeaveLostDeviceAsync(CancellationToken stopping)
    {
        try
        {
            var (model, reason) = await models.Loss.WaitAsync(stopping);
            LogLost(model.DeviceNames, model.Name, reason.Message, streams.Count);
            _isLeaving = true;
            AnnounceDraining();
            while (!stopping.IsCancellationRequested)
            {
                if (Others.Any())
                {
                    await DrainAsync(stopping);
                }
                await Task.Delay(Interval, time, stopping); // a call that was on its way here may have made another
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>
    /// An administrator's drain moves what there is, and again what was on its way here; when it is called off, the silo takes streams
    /// again, and the others send some back as they do to a silo that has just come.
    /// </summary>
    private async Task ObeyOrdersAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                await order.GivenAsync(stopping);
                LogOrdered(streams.Count);
                AnnounceDraining();
                while (order.IsGiven)
                {
                    if (Others.Any())
                    {
                        await DrainAsync(stopping);
                    }
                    await Task.Delay(Interval, time, stopping);
                }
                LogCalledOff(streams.Count);
                AnnounceDraining();
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>Tells all silos at once whether this one takes streams.</summary>
    private void AnnounceDraining()
    {
        Report();
        map.Report(self.SiloAddress, Load);
    }

    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        var waveStreams = Math.Clamp(streams.Unmoved.Count / Waves, MovesAtOnce, MaxWaveStreams);
        while (streams.Unmoved.Count > 0 && IsDraining && !cancellationToken.IsCancellationRequested)
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

    private void Move(GrainId stream)
    {
        if (streams.ModelOf(stream) is { } model)
        {
            RequestContext.Set(ModelHint.Key, model);
        }
        grains.GetGrain<IGrainManagementExtension>(stream).MigrateOnIdle().AsTask().Ignore();
        RequestContext.Remove(ModelHint.Key);
    }
}
