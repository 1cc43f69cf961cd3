using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Storage;

namespace Dass.Grid.Grains.Tenants;

/// <summary>
/// Live, sleeping and lately ended streams of one tenant, and the use that its gateways make of its limits. A stream that does not report is looked up: so it
/// ends and goes when its time has come, also when the silo that owned it is gone and nobody comes back for it.
/// </summary>
[GrainType("tenant")]
public sealed partial class TenantGrain(
    IOptions<StreamGrainOptions> options,
    TimeProvider time,
    [FromKeyedServices(StreamGrainShared.Store)] IGrainStorage storage,
    LookupRateLimiter lookups,
    ILogger<TenantGrain> logger)
    : Grain, ITenantGrain
{
    /// <summary>A gateway that has said nothing for this long is gone.</summary>
    private static readonly TimeSpan GatewayPatience = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan StayActive = TimeSpan.FromMinutes(5);

    private readonly SortedDictionary<string, Entry> _streams = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (GatewayUse Use, int Granted, DateTimeOffset Heard)> _gateways = new(StringComparer.Ordinal);
    private readonly Queue<DateTimeOffset> _begun = new(); // within the last minute

    private readonly StreamGrainOptions _options = options.Value;
    private readonly TenantStreamIndex _roll = new(storage, options.Value.ListedStreams);
    private IGrainTimer? _care; // from activation on
    private Task _caring = Task.CompletedTask;
    private Task _keeping = Task.CompletedTask;
    private Task _indexing = Task.CompletedTask;
    private bool _indexed;
    private bool _away; // the store, as far as it has been said
    private bool _full; // the roll, as far as it has been said

    /// <summary>A stream that has missed three reports is silent: gone with its silo, most likely.</summary>
    private TimeSpan Patience => _options.Upkeep * 3;

    private string Tenant => this.GetPrimaryKeyString();

    /// <remarks>Nobody waits for the store: gateways get their allowances without it.</remarks>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _caring = CareAsync();
        _care = this.RegisterGrainTimer(Care, new GrainTimerCreationOptions(_options.ListInterval, _options.ListInterval));
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _keeping;
        await KeepAsync();
    }

    public Task<bool> Wake()
    {
        var some = _streams.Count > 0 || _roll.IsChanged || !_roll.IsLoaded;
        _indexed &= some;
        return Task.FromResult(some);
    }

    public Task Report(StreamListing listing)
    {
        Enter(listing, time.GetUtcNow() + Patience, reports: true);
        if (!_indexed)
        {
            _care?.Change(TimeSpan.Zero, _options.ListInterval); // the first one at once
        }
        return Task.CompletedTask;
    }

    public Task<Outcome<Admission>> Admit(string stream, TenantLimits limits) => Task.FromResult(Admitted(stream, limits));

    public Task<QuotaLease> Lease(GatewayUse use, TenantLimits limits)
    {
        var now = time.GetUtcNow();
        foreach (var gone in _gateways.Where(entry => now - entry.Value.Heard > GatewayPatience).Select(entry => entry.Key).ToArray())
        {
            _gateways.Remove(gone);
        }
        _gateways[use.Gateway] = (use, use.Subscribers, now);
        var granted = Math.Max(use.Subscribers, Math.Min(use.Wanted, (limits.Subscribers ?? int.MaxValue) - Sum(entry => entry.Granted) + use.Subscribers));
        _gateways[use.Gateway] = (use, granted, now);

        var spare = limits.AudioRate is { } rate ? Math.Max(0, rate - Sum(entry => entry.Use.Calls)) : double.MaxValue;
        var hungry = Math.Max(1, Sum(entry => entry.Use.CatchingUp ? 1 : 0));
        return Task.FromResult(new QuotaLease(use.CatchingUp ? spare / hungry : 0, granted, Sum(entry => entry.Use.Subscribers)));
    }

    public Task Forget(string stream)
    {
        Remove(stream);
        return Task.CompletedTask;
    }

    public async Task<StreamListing[]> List(string after, int count)
    {
        if (!_roll.IsLoaded)
        {
            await _caring;
        }
        ForgetAdmitted();
        var page = _streams.Values
            .Select(entry => entry.Listing)
            .Where(listing => listing.Model.Length > 0 && string.CompareOrdinal(listing.Name, after) > 0) // none that has only been admitted
            .Take(count);
        return [.. page];
    }

    private Task Care()
    {
        if (_streams.Count > 0 || _roll.IsChanged)
        {
            DelayDeactivation(StayActive);
        }
        if (_caring.IsCompleted)
        {
            _caring = CareAsync();
        }
        return Task.CompletedTask;
    }

    /// <summary>Never throws, as <see cref="KeepAsync"/>: what fails is done the next time.</summary>
    private async Task CareAsync()
    {
        if (!_indexed && _indexing.IsCompleted && _streams.Count > 0)
        {
            _indexing = IndexAsync();
        }
        await KeepAsync();
        var now = time.GetUtcNow();
        var silent = _streams.Where(entry => entry.Value.Due <= now && entry.Value.Listing.Model.Length > 0).Select(entry => entry.Value.Listing).ToArray();
        if (silent.Length > 0)
        {
            await Task.WhenAll(silent.Take(lookups.Take(silent.Length)).Select(LookUpAsync));
            await KeepAsync();
        }
    }

    /// <summary>Somebody must know the tenant when this silo is gone. Not waited for: the index may stand on a silo that is gone itself.</summary>
    private async Task IndexAsync()
    {
        try
        {
            await GrainFactory.GetGrain<ITenantIndexGrain>(0).Add(Tenant);
            _indexed = true;
        }
        catch (Exception failure)
        {
            LogNotIndexed(logger, Tenant, failure.Message);
        }
    }

    /// <summary>Reads the roll, or writes what has changed of it.</summary>
    private Task KeepAsync() => _keeping.IsCompleted ? _keeping = ReadOrWriteAsync() : _keeping;

    private async Task ReadOrWriteAsync()
    {
        try
        {
            if (!_roll.IsLoaded)
            {
                Merge(await _roll.LoadAsync(this.GetGrainId()));
            }
            if (_roll.IsChanged)
            {
                await _roll.WriteAsync();
            }
            _away = false;
        }
        catch (InconsistentStateException)
        {
            DeactivateOnIdle(); // another activation has written; the streams tell that one again
        }
        catch (Exception failure)
        {
            if (!_away)
            {
                LogAway(logger, Tenant, failure);
            }
            _away = true;
        }
    }

    /// <summary>What streams have said meanwhile is newer than the roll.</summary>
    private void Merge(IReadOnlyList<KeyValuePair<string, TenantStreamEntry>> roll)
    {
        var soon = time.GetUtcNow() + Patience;
        foreach (var (listing, due, reports) in _streams.Values.Where(entry => entry.Listing.Model.Length > 0).ToArray())
        {
            Enter(listing, due, reports);
        }
        foreach (var (name, entry) in roll)
        {
            _streams.TryAdd(name, new Entry(new StreamListing(name, entry.Model, entry.Begun, entry.Ended), entry.Due ?? soon, Reports: false));
        }
    }

    private async Task LookUpAsync(StreamListing listing)
    {
        var later = time.GetUtcNow() + Patience;
        try
        {
            RequestContext.Set(ModelHint.Key, listing.Model); // of this method and what it calls
            var answer = await GrainFactory.GetGrain<IStreamGrain>(new StreamId(Tenant, listing.Name).ToString()).Touch();
            if (answer.Has(out var found, out var refusal))
            {
                var due = found.Since + _options.IdleTimeout ?? later;
                Enter(found.Listing, due > later ? due : later, reports: found.Since is null);
            }
            else if (refusal.Code == RefusalCode.UnknownStream)
            {
                Remove(listing.Name);
            }
            else
            {
                LogNotFound(logger, new StreamId(Tenant, listing.Name), refusal.Message);
                _streams[listing.Name] = new Entry(listing, refusal.RetryAfter is { } wait ? time.GetUtcNow() + wait : later, Reports: false);
            }
        }
        catch (Exception failure)
        {
            LogNotFound(logger, new StreamId(Tenant, listing.Name), failure.Message);
            _streams[listing.Name] = new Entry(listing, later, Reports: false);
        }
    }

    private void Enter(StreamListing listing, DateTimeOffset due, bool reports)
    {
        _streams[listing.Name] = new Entry(listing, due, reports);
        if (_roll.IsLoaded && !_roll.Enter(listing.Name, new TenantStreamEntry(listing.Model, listing.Begun, listing.Ended, reports ? null : due)) && !_full)
        {
            _full = true;
            LogFull(logger, Tenant, _options.ListedStreams);
        }
    }

    private void Remove(string stream)
    {
        _streams.Remove(stream);
        _roll.Remove(stream);
    }

    private Outcome<Admission> Admitted(string stream, TenantLimits limits)
    {
        if (_streams.TryGetValue(stream, out var known) && !known.Listing.Ended)
        {
            return new Admission(IsNew: false);
        }
        ForgetAdmitted();
        var now = time.GetUtcNow();
        var live = _streams.Values.Count(entry => entry.Reports && entry.Due > now && !entry.Listing.Ended);
        if (live >= limits.LiveStreams)
        {
            return Reached("live_streams", $"{limits.LiveStreams}", $"{live} are live", retryAfter: null);
        }
        if (live + 1 > limits.AudioRate)
        {
            return Reached("audio_seconds_per_second", FormattableString.Invariant($"{limits.AudioRate}"), $"{live} live streams are granted 1 each", retryAfter: null);
        }
        while (_begun.TryPeek(out var oldest) && now - oldest >= TimeSpan.FromMinutes(1))
        {
            _begun.Dequeue();
        }
        if (_begun.Count >= limits.NewStreamsPerMinute)
        {
            return Reached(
                "new_streams_per_minute", $"{limits.NewStreamsPerMinute}", $"{_begun.Count} have begun in the last minute", _begun.Peek() + TimeSpan.FromMinutes(1) - now);
        }
        if (limits.NewStreamsPerMinute is not null)
        {
            _begun.Enqueue(now);
        }
        _streams[stream] = new Entry(new StreamListing(stream, "", now, Ended: false), now + Patience, Reports: true);
        return new Admission(IsNew: true);
    }

    private static Refusal Reached(string limit, string value, string use, TimeSpan? retryAfter)
    {
        var again = retryAfter is { } wait ? FormattableString.Invariant($"Call again in {Math.Ceiling(wait.TotalSeconds)} s.") : "Call again when one has ended.";
        return new Refusal(RefusalCode.LimitReached, $"the tenant's quota {limit} is {value}, and {use}. {again}") { RetryAfter = retryAfter, Limit = limit };
    }

    /// <summary>Streams that have been let in and have not begun.</summary>
    private void ForgetAdmitted()
    {
        var now = time.GetUtcNow();
        foreach (var name in _streams.Where(entry => entry.Value.Listing.Model.Length == 0 && entry.Value.Due < now).Select(entry => entry.Key).ToArray())
        {
            _streams.Remove(name);
        }
    }

    private int Sum(Func<(GatewayUse Use, int Granted), int> count) => _gateways.Values.Sum(entry => count((entry.Use, entry.Granted)));

    /// <param name="Listing">What the stream is.</param>
    /// <param name="Due">When it is to be looked up.</param>
    /// <param name="Reports">Whether it has told so of itself: no stream that only waits in the store takes a live stream's place.</param>
    private readonly record struct Entry(StreamListing Listing, DateTimeOffset Due, bool Reports);

    [LoggerMessage(LogLevel.Warning, "The list of streams of tenant {Tenant} could not be read or written; tried again soon. Until then streams whose silo fails are not listed.")]
    private static partial void LogAway(ILogger logger, string tenant, Exception failure);

    [LoggerMessage(LogLevel.Warning, "Tenant {Tenant} could not be entered in the index of tenants; tried again soon. {Failure}")]
    private static partial void LogNotIndexed(ILogger logger, string tenant, string failure);

    [LoggerMessage(LogLevel.Warning, "The list of streams of tenant {Tenant} holds {Limit} (Grid:Streams:ListedStreams), its limit: others are not found again when their silo fails, unless their clients come back.")]
    private static partial void LogFull(ILogger logger, string tenant, int limit);

    [LoggerMessage(LogLevel.Warning, "Stream {Stream} has fallen silent and could not be looked up; tried again soon. {Failure}")]
    private static partial void LogNotFound(ILogger logger, StreamId stream, string failure);
}
