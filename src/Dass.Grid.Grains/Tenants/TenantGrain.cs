using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Grains.Tenants;

/// <summary>Live and lately ended streams of one tenant, by what they report, and the use that its gateways make of its limits.</summary>
public sealed class TenantGrain(IOptions<StreamGrainOptions> options, TimeProvider time) : Grain, ITenantGrain
{
    /// <summary>A gateway that has said nothing for this long is gone.</summary>
    private static readonly TimeSpan GatewayPatience = TimeSpan.FromSeconds(6);

    private readonly SortedDictionary<string, (StreamListing Listing, DateTimeOffset Reported)> _streams = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (GatewayUse Use, int Granted, DateTimeOffset Heard)> _gateways = new(StringComparer.Ordinal);
    private readonly Queue<DateTimeOffset> _begun = new(); // within the last minute

    // A stream that has missed three reports is gone with its silo.
    private readonly TimeSpan _patience = options.Value.Upkeep * 3;

    public Task Report(StreamListing listing)
    {
        _streams[listing.Name] = (listing, time.GetUtcNow());
        return Task.CompletedTask;
    }

    public Task<Outcome<Admission>> Admit(string stream, TenantLimits limits) => Task.FromResult(Admitted(stream, limits));

    public Task<Allowance> Lease(GatewayUse use, TenantLimits limits)
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
        return Task.FromResult(new Allowance(use.CatchingUp ? spare / hungry : 0, granted, Sum(entry => entry.Use.Subscribers)));
    }

    public Task Forget(string stream)
    {
        _streams.Remove(stream);
        return Task.CompletedTask;
    }

    public Task<StreamListing[]> List(string after, int count)
    {
        ForgetSilent();
        var page = _streams.Values
            .Select(entry => entry.Listing)
            .Where(listing => listing.Model.Length > 0 && string.CompareOrdinal(listing.Name, after) > 0) // none that has only been admitted
            .Take(count);
        return Task.FromResult(page.ToArray());
    }

    private Outcome<Admission> Admitted(string stream, TenantLimits limits)
    {
        if (_streams.TryGetValue(stream, out var known) && !known.Listing.Ended)
        {
            return new Admission(IsNew: false);
        }
        ForgetSilent();
        var now = time.GetUtcNow();
        var live = _streams.Values.Count(entry => !entry.Listing.Ended);
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
        _streams[stream] = (new StreamListing(stream, "", now, Ended: false), now);
        return new Admission(IsNew: true);
    }

    private static Refusal Reached(string limit, string value, string use, TimeSpan? retryAfter)
    {
        var again = retryAfter is { } wait ? FormattableString.Invariant($"Call again in {Math.Ceiling(wait.TotalSeconds)} s.") : "Call again when one has ended.";
        return new Refusal(RefusalCode.LimitReached, $"the tenant's quota {limit} is {value}, and {use}. {again}") { RetryAfter = retryAfter, Limit = limit };
    }

    private void ForgetSilent()
    {
        var oldest = time.GetUtcNow() - _patience;
        foreach (var name in _streams.Where(entry => entry.Value.Reported < oldest).Select(entry => entry.Key).ToArray())
        {
            _streams.Remove(name);
        }
    }

    private int Sum(Func<(GatewayUse Use, int Granted), int> count) => _gateways.Values.Sum(entry => count((entry.Use, entry.Granted)));
}
