namespace Dass.Grid.Contracts;

/// <summary>Who may use the grid, which models it serves and what tenants call them, as of one version.</summary>
/// <param name="Version">Raised by every change.</param>
/// <param name="Tenants">By name, in ordinal order.</param>
/// <param name="Models">Registered beside the configured ones, oldest first. A name keeps its weights for ever: an alias is what
/// moves.</param>
/// <param name="Aliases">What model names stand for.</param>
[GenerateSerializer, Immutable, Alias("dass.Register")]
public sealed record Registry(
    [property: Id(0)] long Version,
    [property: Id(1)] TenantRecord[] Tenants,
    [property: Id(2)] ModelRecord[] Models,
    [property: Id(3)] ModelAlias[] Aliases)
{
    /// <summary>Before the first change.</summary>
    public static readonly Registry Empty = new(0, [], [], []);

    /// <summary>
    /// Seals the credentials in the cookies of web pages, so that each gateway opens what another has sealed: base64 of 32 bytes. It opens
    /// nothing else. Null: no page has asked for a session yet.
    /// </summary>
    [Id(4)] public string? SessionSecret { get; init; }
}

/// <summary>One tenant of the registry.</summary>
/// <param name="Name">See <see cref="StreamId.IsTenant"/>.</param>
/// <param name="Disabled">Its calls are refused.</param>
/// <param name="Keys">Any of them is the tenant's.</param>
/// <param name="Limits">What it may use.</param>
/// <param name="Models">Names of the models that it may use. Empty: all.</param>
/// <param name="Created">When.</param>
[GenerateSerializer, Immutable, Alias("dass.TenantRecord")]
public sealed record TenantRecord(
    [property: Id(0)] string Name,
    [property: Id(1)] bool Disabled,
    [property: Id(2)] KeyRecord[] Keys,
    [property: Id(3)] TenantLimits Limits,
    [property: Id(4)] string[] Models,
    [property: Id(5)] DateTimeOffset Created)
{
    /// <summary>When sounds of its new streams count as events, where their clients do not say. Null: as on every silo.</summary>
    [Id(6)] public SoundEventRule? Events { get; init; }
}

/// <summary>A key as the grid keeps it.</summary>
/// <param name="Id">The part of the key that is no secret.</param>
/// <param name="Hash">Salted; in the form of the gateway's key hash.</param>
/// <param name="Until">Refused from then on; null: never.</param>
[GenerateSerializer, Immutable, Alias("dass.KeyRecord")]
public sealed record KeyRecord([property: Id(0)] string Id, [property: Id(1)] string Hash, [property: Id(2)] DateTimeOffset? Until);

/// <summary>
/// What a tenant may use of the grid, over all gateways. Null: nothing is set; the gateway's default limits may hold then.
/// </summary>
[GenerateSerializer, Immutable, Alias("dass.TenantLimits")]
public sealed record TenantLimits
{
    public static readonly TenantLimits None = new();

    /// <summary>Streams that are live at once, those without a call included.</summary>
    [Id(0)] public int? LiveStreams { get; init; }

    /// <summary>Streams that may begin in a minute.</summary>
    [Id(1)] public int? NewStreamsPerMinute { get; init; }

    /// <summary>
    /// Seconds of audio that are taken in per second. Each live stream is granted 1; what is left over is for those that catch up.
    /// </summary>
    [Id(2)] public double? AudioRate { get; init; }

    /// <summary>Subscriptions that are open at once.</summary>
    [Id(3)] public int? Subscribers { get; init; }

    /// <summary>Bytes of audio in a request message; a gateway's own limit holds for the whole of it.</summary>
    [Id(4)] public int? MessageBytes { get; init; }

    /// <summary>Bytes of audio that a gateway keeps of each call; its own limit holds too.</summary>
    [Id(5)] public int? RetainedBytes { get; init; }

    /// <summary>Device time in relation to other tenants, when there is too little of it for all. Null: 1.</summary>
    [Id(6)] public double? Weight { get; init; }
}

/// <summary>A model that was registered while the grid ran.</summary>
/// <param name="Name">See <see cref="StreamId.IsName"/>.</param>
/// <param name="Directory">In Hugging Face layout; every silo must see it.</param>
/// <param name="Hash">Of configuration and weights: a silo that finds others there does not serve them.</param>
/// <param name="MaxStreams">Slots of each silo.</param>
[GenerateSerializer, Immutable, Alias("dass.ModelRecord")]
public sealed record ModelRecord(
    [property: Id(0)] string Name, [property: Id(1)] string Directory, [property: Id(2)] string Hash, [property: Id(3)] int MaxStreams);

/// <summary>A name that stands for a model until it is pointed at another one.</summary>
/// <param name="Tenant">Whose name it is; empty: that of every tenant without one of its own.</param>
/// <param name="Name">What requests say. An alias wins over a model of the same name.</param>
/// <param name="Model">What it stands for.</param>
[GenerateSerializer, Immutable, Alias("dass.ModelAlias")]
public sealed record ModelAlias([property: Id(0)] string Tenant, [property: Id(1)] string Name, [property: Id(2)] string Model)
{
    /// <summary>The alias of requests that name no model.</summary>
    public const string Default = "default";
}
