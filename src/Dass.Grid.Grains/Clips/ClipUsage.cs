using Microsoft.Extensions.Logging;

namespace Dass.Grid.Grains.Clips;

/// <summary>
/// Use of the recordings that this silo tags, on its way to the usage records: a span that grows for each tenant and model, reported each
/// second. A silo that dies takes along what it has not reported. Thread-safe.
/// </summary>
public sealed partial class ClipUsage(IGrainFactory grains, TimeProvider time, ILogger<ClipUsage> logger)
    : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>A span without a recording for this long is closed; the next recording begins another.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Tenant, string Model), Entry> _spans = [];
    private readonly CancellationTokenSource _stopping = new();
    private Task _reporting = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(nameof(ClipUsage), ServiceLifecycleStage.Active, StartAsync, StopAsync);

    /// <param name="tenant">Whose recording it is.</param>
    /// <param name="model">That heard it.</param>
    /// <param name="audioSeconds">That it heard.</param>
    /// <param name="events">That were closed.</param>
    public void Add(string tenant, string model, double audioSeconds, int events)
    {
        if (audioSeconds <= 0)
        {
            return;
        }
        var now = time.GetUtcNow();
        lock (_gate)
        {
            if (!_spans.TryGetValue((tenant, model), out var entry))
            {
                var name = $"tag:{Guid.NewGuid():N}"; // no name of a stream: those have no colon
                entry = new Entry(new UsageSpan(name, now, UsageSpan.NoStream, model, 0, 0, Final: false), null, now);
            }
            var span = entry.Span with
            {
                AudioSeconds = entry.Span.AudioSeconds + audioSeconds, Events = entry.Span.Events + events,
            };
            _spans[(tenant, model)] = entry with { Span = span, Changed = now };
        }
    }

    private Task StartAsync(CancellationToken cancellationToken)
    {
        _reporting = ReportAsync(_stopping.Token);
        return Task.CompletedTask;
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await ReportAllAsync(final: true).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ReportAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            await ReportAllAsync(final: false);
        }
    }

    /// <summary>Never throws: what fails is reported the next time.</summary>
    private Task ReportAllAsync(bool final)
    {
        KeyValuePair<(string Tenant, string Model), Entry>[] entries;
        var now = time.GetUtcNow();
        lock (_gate)
        {
            entries = [.. _spans];
        }
        return Task.WhenAll(entries.Select(entry => (entry.Key, entry.Value, IsOver: final || now - entry.Value.Changed > Idle))
            .Where(entry => entry.IsOver || entry.Value.Span != entry.Value.Reported)
            .Select(entry => ReportAsync(entry.Key, entry.Value.Span with { Final = entry.IsOver }, entry.Value)));
    }

    private async Task ReportAsync((string Tenant, string Model) key, UsageSpan span, Entry entry)
    {
        try
        {
            await grains.GetGrain<IUsageGrain>(key.Tenant).Report(span);
        }
        catch (Exception failure)
        {
            LogNotReported(key.Tenant, failure.Message);
            return;
        }
        lock (_gate)
        {
            if (span.Final && _spans[key] == entry)
            {
                _spans.Remove(key);
            }
            else
            {
                _spans[key] = _spans[key] with { Reported = entry.Span };
            }
        }
    }

    /// <param name="Span">So far.</param>
    /// <param name="Reported">What the usage records have; null: nothing.</param>
    /// <param name="Changed">When a recording was last added.</param>
    private sealed record Entry(UsageSpan Span, UsageSpan? Reported, DateTimeOffset Changed);
}
