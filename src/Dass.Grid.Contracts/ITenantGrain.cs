using Orleans.Concurrency;

namespace Dass.Grid.Contracts;

/// <summary>
/// The streams of one tenant, and what its gateways use. Key: the tenant's name. Which streams there are is in the store, soon after they
/// report; use is not: gateways report again and again, so what was lost with a silo is known again within their reports' interval; until
/// then more may be admitted than the limits say.
/// </summary>
[Alias("dass.ITenantGrain")]
public interface ITenantGrain : IGrainWithStringKey
{
    /// <summary>Adds or renews an entry. A stream that does not renew it is looked up, by and by.</summary>
    [Alias("Report")]
    Task Report(StreamListing listing);

    /// <summary>Renews the entry of a stream that reports no more until it is fed. It keeps its place for its idle time.</summary>
    [Alias("Rest")]
    Task Rest(StreamRest rest);

    /// <summary>Enters a stream that is about to begin. One that is listed as live is admitted in any case.</summary>
    /// <returns>Whether it is new, and to be withdrawn if it does not begin after all; or which limit is reached.</returns>
    [Alias("Admit")]
    Task<Outcome<Admission>> Admit(string stream, TenantLimits limits);

    /// <summary>Gives back the place of a stream that was admitted. One that has begun all the same keeps it.</summary>
    [Alias("Withdraw")]
    Task Withdraw(string stream);

    /// <summary>Tells what a gateway uses, and learns what it may use until it asks again. A gateway that does not is forgotten.</summary>
    [Alias("Lease")]
    Task<QuotaLease> Lease(GatewayUse use, TenantLimits limits);

    [Alias("Forget")]
    Task Forget(string stream);

    /// <summary>
    /// Up to <paramref name="count"/> entries after <paramref name="after"/> (empty: from the first), in ordinal order of their names.
    /// </summary>
    [Alias("List"), AlwaysInterleave]
    Task<StreamListing[]> List(string after, int count);

    /// <summary>Takes up the tenant's list again, if no call has done so since the silo that held it is gone.</summary>
    /// <returns>Whether there are any, as far as it is known.</returns>
    [Alias("Wake")]
    Task<bool> Wake();
}

[GenerateSerializer, Immutable, Alias("dass.Admission")]
public sealed record Admission([property: Id(0)] bool IsNew);

/// <summary>What one gateway uses of a tenant's limits.</summary>
/// <param name="Gateway">Any name of its own.</param>
/// <param name="Calls">Streams that it feeds.</param>
/// <param name="CatchingUp">Whether some of them send faster than real time.</param>
/// <param name="Subscribers">That it serves.</param>
/// <param name="Wanted">Subscribers that it would like to serve: those that it has, those that wait, and a few that may come.</param>
[GenerateSerializer, Immutable, Alias("dass.GatewayUse")]
public sealed record GatewayUse(
    [property: Id(0)] string Gateway,
    [property: Id(1)] int Calls,
    [property: Id(2)] bool CatchingUp,
    [property: Id(3)] int Subscribers,
    [property: Id(4)] int Wanted)
{
    /// <summary>Subscribers that wait for a place. Gateways keep no places in reserve while any waits.</summary>
    [Id(5)]
    public int Waiting { get; init; }
}

/// <summary>What one gateway may use.</summary>
/// <param name="SpareRate">Seconds of audio per second, beyond the 1 of each stream that it feeds.</param>
/// <param name="Subscribers">That it may serve.</param>
/// <param name="SubscribersInAll">That all gateways serve.</param>
[GenerateSerializer, Immutable, Alias("dass.Allowance")]
public sealed record QuotaLease(
    [property: Id(0)] double SpareRate, [property: Id(1)] int Subscribers, [property: Id(2)] int SubscribersInAll);

[GenerateSerializer, Immutable, Alias("dass.StreamListing")]
public sealed record StreamListing(
    [property: Id(0)] string Name,
    [property: Id(1)] string Model,
    [property: Id(2)] DateTimeOffset Begun,
    [property: Id(3)] bool Ended)
{
    /// <summary>As of the stream's last report. Null: not live, or of a silo of an earlier version.</summary>
    [Id(4)] public StreamHealth? Health { get; init; }
}

/// <summary>What a stream says when it is looked up, or when it leaves its silo to wait in the store.</summary>
/// <param name="Listing">What it is.</param>
/// <param name="Since">When it was fed last, if it lies in the store and does not report until a feeder comes; null: it
/// reports.</param>
[GenerateSerializer, Immutable, Alias("dass.StreamRest")]
public sealed record StreamRest([property: Id(0)] StreamListing Listing, [property: Id(1)] DateTimeOffset? Since);
