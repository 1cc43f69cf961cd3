using Dass.Grid.Grains.Storage;
using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Storage;

namespace Dass.Grid.Grains.Tenants;

/// <summary>
/// Live, sleeping and lately ended streams of one tenant, and the use that its gateways make of its limits. A stream that does not report
/// is looked up: so it ends and goes when its time has come, also when the silo that owned it is gone and its client does not come back.
/// </summary>
[GrainType("tenant")]
public sealed partial class TenantGrain(
    IOptions<TenantListOptions> lists,
    IOptions<StreamGrainOptions> streams,
    SteadyTime time,
    [FromKeyedServices(GridStorage.Name)] IGrainStorage storage,
    LookupRateLimiter lookups,
    ILogger<TenantGrain> logger)
    : Grain, ITenantGrain
{
    /// <summary>A gateway that has not renewed its lease for this long is gone.</summary>
    private static readonly TimeSpan GatewayPatience = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan StayActive = TimeSpan.FromMinutes(5);

    private readonly SortedDictionary<string, Entry> _streams = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (GatewayUse Use, int Granted, DateTimeOffset Renewed)> _gateways = new(StringComparer.Ordinal);
    private DateTimeOffset _short = DateTimeOffset.MinValue; // when a gateway last got fewer places than it has subscribers for
    private readonly List<DateTimeOffset> _begun = []; // within the last minute, in order

    private readonly TenantListOptions _lists = lists.Value;
    private readonly StreamGrainOptions _options = streams.Value;
    private readonly TenantStreamIndex _index = new(storage, lists.Value.ListedStreams);
    private IGrainTimer? _care; // from activation on
    private Task _caring = Task.CompletedTask;
    private Task _keeping = Task.CompletedTask;
    private Task _indexing = Task.CompletedTask;
    private bool _indexed;
    private bool _away; // the store, as far as it has been logged
    private bool _full; // the index, as far as it has been logged

    /// <summary>A stream that has missed three reports is silent: gone with its silo, most likely.</summary>
    private TimeSpan Patience => _options.Upkeep * 3;

    private string Tenant => this.GetPrimaryKeyString();

    /// <remarks>Activation does not wait for the store: gateways get their leases without it.</remarks>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _caring = CareAsync();
        _care = this.RegisterGrainTimer(Care, new GrainTimerCreationOptions(_lists.ListInterval, _lists.ListInterval));
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _keeping;
        await KeepAsync();
    }

    public Task<bool> Wake()
    {
        var some = _streams.Count > 0 || _index.IsChanged || !_index.IsLoaded;
        _indexed &= some;
        return Task.FromResult(some);
    }

    public Task Report(StreamListing listing)
    {
        Add(listing, time.GetUtcNow() + Patience, reports: true);
        if (!_indexed)
        {
            _care?.Change(TimeSpan.Zero, _lists.ListInterval); // the first one at once
        }
        return Task.CompletedTask;
    }

    public Task Rest(StreamRest rest)
    {
        Add(rest);
        _streams[rest.Listing.Name] = _streams[rest.Listing.Name] with { HoldsPlace = true }; // those without a call count
        return Task.CompletedTask;
    }

    public Task<Outcome<Admission>> Admit(string stream, TenantLimits limits) => Task.FromResult(Admitted(stream, limits));

    public Task Withdraw(string stream)
    {
        if (_streams.TryGetValue(stream, out var entry) && entry.IsAdmitted)
        {
            _streams.Remove(stream);
            _begun.Remove(entry.Admitted);
        }
        return Task.CompletedTask;
    }

    public Task<QuotaLease> Lease(GatewayUse use, TenantLimits limits)
    {
        var now = time.GetUtcNow();
        foreach (var gone in _gateways.Where(entry => now - entry.Value.Renewed > GatewayPatience).Select(entry => entry.Key).ToArray())
        {
            _gateways.Remove(gone);
        }
        _gateways[use.Gateway] = (use, use.Subscribers, now);
        var free = (limits.Subscribers ?? int.MaxValue) - Sum(entry => entry.Granted) + use.Subscribers;
        var needed = use.Subscribers + use.Waiting;
        if (needed > free)
        {
            _short = now; // the others give back what they hold in reserve when they renew
        }
        var most = now - _short < GatewayPatience ? needed : use.Wanted;
        var granted = Math.Max(use.Subscribers, Math.Min(most, free));
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
        if (!_index.IsLoaded)
        {
            await _caring;
        }
        var page = _streams.Values
            .Where(entry => !entry.IsAdmitted)
            .Select(entry => entry.Listing)
            .Where(listing => string.CompareOrdinal(listing.Name, after) > 0)
            .Take(count);
        return [.. page];
    }

    private Task Care()
    {
        if (_streams.Count > 0 || _index.IsChanged)
        {
            DelayDeactivation(StayActive);
        }
        if (_caring.IsCompleted)
        {
            _caring = CareAsync();
        }
        return Task.CompletedTask;
    }

    /// <summary>Never throws: the next run does what has failed. So does <see cref="KeepAsync"/>.</summary>
    private async Task CareAsync()
    {
        if (!_indexed && _indexing.IsCompleted && _streams.Count > 0)
        {
            _indexing = IndexAsync();
        }
        await KeepAsync();
        ForgetAdmitted();
        var now = time.GetUtcNow();
        var silent = _streams.Values
            .Where(entry => entry.Due <= now && !entry.IsAdmitted)
            .Select(entry => entry.Listing)
            .ToArray();
        if (silent.Length > 0)
        {
            await Task.WhenAll(silent.Take(lookups.Acquire(silent.Length)).Select(LookUpAsync));
            await KeepAsync();
        }
    }

    /// <summary>
    /// The index of tenants finds this one when its silo is gone. Not waited for: the index may stand on a silo that is gone itself.
    /// </summary>
    private async Task IndexAsync()
    {
        try
        {
            await GrainFactory.GetGrain<ITenantIndexGrain>(0).Add(Tenant);
            _indexed = true;
        }
        catch (Exception failure)
        {
            LogNotIndexed(Tenant, failure.Message);
        }
    }

    /// <summary>Reads the index, or writes what has changed of it.</summary>
    private Task KeepAsync() => _keeping.IsCompleted ? _keeping = ReadOrWriteAsync() : _keeping;

    private async Task ReadOrWriteAsync()
    {
        try
        {
            if (!_index.IsLoaded)
            {
                Merge(await _index.LoadAsync(this.GetGrainId()));
            }
            if (_index.IsChanged)
            {
                await _index.WriteAsync();
            }
            _away = false;
        }
        catch (InconsistentStateException)
        {
            DeactivateOnIdle(); // another activation has written; the streams report to that one
        }
        catch (Exception failure)
        {
            if (!_away)
            {
                LogAway(Tenant, failure);
            }
            _away = true;
        }
    }

    /// <summary>What streams have reported meanwhile is newer than the index in the store.</summary>
    private void Merge(IReadOnlyList<KeyValuePair<string, TenantStreamEntry>> stored)
    {
        var soon = time.GetUtcNow() + Patience;
        foreach (var (listing, due, reports) in _streams.Values.Where(entry => !entry.IsAdmitted).ToArray())
        {
            Add(listing, due, reports);
        }
        foreach (var (name, entry) in stored)
        {
            var listing = new StreamListing(name, entry.Model, entry.Begun, entry.Ended);
            if (!_streams.TryGetValue(name, out var known) || known.IsAdmitted) // no new stream, then: its client has come back
            {
                _streams[name] = new Entry(listing, entry.Due is { } due ? time.From(due) : soon, HoldsPlace: false);
            }
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
                Add(found);
            }
            else if (refusal.Code == RefusalCode.UnknownStream)
            {
                Remove(listing.Name);
            }
            else
            {
                LogNotFound(new StreamId(Tenant, listing.Name), refusal.Message);
                var due = refusal.RetryAfter is { } wait ? time.GetUtcNow() + wait : later;
                _streams[listing.Name] = new Entry(listing, due, HoldsPlace: false);
            }
        }
        catch (Exception failure)
        {
            LogNotFound(new StreamId(Tenant, listing.Name), failure.Message);
            _streams[listing.Name] = new Entry(listing, later, HoldsPlace: false);
        }
    }

    private void Add(StreamRest rest)
    {
        var later = time.GetUtcNow() + Patience;
        var due = rest.Since is { } since ? time.From(since) + _options.IdleTimeout : later;
        Add(rest.Listing, due > later ? due : later, reports: rest.Since is null);
    }

    private void Add(StreamListing listing, DateTimeOffset due, bool reports)
    {
        _streams[listing.Name] = new Entry(listing, due, reports);
        var entry = new TenantStreamEntry(listing.Model, listing.Begun, listing.Ended, reports ? null : time.ToTimeOfDay(due));
        if (_index.IsLoaded && !_index.TryAdd(listing.Name, entry) && !_full)
        {
            _full = true;
            LogFull(Tenant, _lists.ListedStreams);
        }
    }

    private void Remove(string stream)
    {
        _streams.Remove(stream);
        _index.Remove(stream);
    }

    private Outcome<Admission> Admitted(string stream, TenantLimits limits)
    {
        if (_streams.TryGetValue(stream, out var known) && !known.Listing.Ended)
        {
            return new Admission(IsNew: false);
        }
        var now = time.GetUtcNow();
        if (_streams.Count >= limits.LiveStreams || _streams.Count + 1 > limits.AudioRate) // else counting cannot matter
        {
            var live = _streams.Values.Count(entry => entry.HoldsPlace && entry.Due > now && !entry.Listing.Ended);
            if (live >= limits.LiveStreams)
            {
                return Reached("live_streams", $"{limits.LiveStreams}", $"{live} are live", retryAfter: null);
            }
            if (live + 1 > limits.AudioRate)
            {
                var rate = FormattableString.Invariant($"{limits.AudioRate}");
                return Reached("audio_seconds_per_second", rate, $"{live} live streams are granted 1 each", retryAfter: null);
            }
        }
        _begun.RemoveAll(begun => now - begun >= TimeSpan.FromMinutes(1));
        if (_begun.Count >= limits.NewStreamsPerMinute)
        {
            return Reached(
                "new_streams_per_minute",
                $"{limits.NewStreamsPerMinute}",
                $"{_begun.Count} have begun in the last minute",
                _begun[0] + TimeSpan.FromMinutes(1) - now);
        }
        if (limits.NewStreamsPerMinute is not null)
        {
            _begun.Add(now);
        }
        var listing = new StreamListing(stream, "", time.ToTimeOfDay(now), Ended: false);
        _streams[stream] = new Entry(listing, now + Patience, HoldsPlace: true) { Admitted = now };
        return new Admission(IsNew: true);
    }

    private static Refusal Reached(string limit, string value, string use, TimeSpan? retryAfter)
    {
        var again = retryAfter is { } wait
            ? FormattableString.Invariant($"Call again in {Math.Ceiling(wait.TotalSeconds)} s.")
            : "Call again when one has ended.";
        return new Refusal(RefusalCode.LimitReached, $"the tenant's quota {limit} is {value}, and {use}. {again}")
        {
            RetryAfter = retryAfter, Limit = limit,
        };
    }

    /// <summary>Drops streams that have been admitted and have not begun.</summary>
    private void ForgetAdmitted()
    {
        var now = time.GetUtcNow();
        var overdue = _streams.Where(entry => entry.Value.IsAdmitted && entry.Value.Due < now).Select(entry => entry.Key);
        foreach (var name in overdue.ToArray())
        {
            _streams.Remove(name);
        }
    }

    private int Sum(Func<(GatewayUse Use, int Granted), int> count) => _gateways.Values.Sum(entry => count((entry.Use, entry.Granted)));

    /// <param name="Listing">What the stream is.</param>
    /// <param name="Due">When it is to be looked up.</param>
    /// <param name="HoldsPlace">
    /// Whether it takes a live stream's place: one that reports, or has left its silo to wait; none that was found in the store alone.
    /// </param>
    private readonly record struct Entry(StreamListing Listing, DateTimeOffset Due, bool HoldsPlace)
    {
        /// <summary>When, of a stream that <see cref="IsAdmitted"/>.</summary>
        public DateTimeOffset Admitted { get; init; }

        /// <summary>It has been admitted and has not begun, as far as is known.</summary>
        public bool IsAdmitted => Listing.Model.Length == 0;
    }
}
