namespace Dass.Grid.Gateway.Tenants;

/// <summary>The rules of a tenant's limits, in the configuration and in admin calls alike. Fields have the names of admin.proto.</summary>
internal static class TenantLimitRules
{
    /// <param name="limits">Null fields keep every rule.</param>
    /// <param name="rules">Takes the broken rules.</param>
    /// <param name="prefix">Stands before each field's name.</param>
    public static void AddTo(this TenantLimits limits, OptionRules rules, string prefix)
    {
        rules.AtLeast($"{prefix}live_streams", limits.LiveStreams ?? 1, 1);
        rules.AtLeast($"{prefix}new_streams_per_minute", limits.NewStreamsPerMinute ?? 1, 1);
        rules.Rule(limits.AudioRate is null or (>= 1 and <= 1e9), $"{prefix}audio_seconds_per_second", limits.AudioRate, "at least 1");
        rules.AtLeast($"{prefix}subscribers", limits.Subscribers ?? 1, 1);
        rules.AtLeast($"{prefix}message_bytes", limits.MessageBytes ?? 4096, 4096);
        rules.AtLeast($"{prefix}retained_bytes", limits.RetainedBytes ?? 1 << 16, 1 << 16);
        rules.Rule(limits.Weight is null or (>= 0.01 and <= 100), $"{prefix}weight", limits.Weight, "0.01 to 100");
    }

    /// <summary>The limits, and where there is none that of another.</summary>
    public static TenantLimits Or(this TenantLimits limits, TenantLimits other) => new()
    {
        LiveStreams = limits.LiveStreams ?? other.LiveStreams,
        NewStreamsPerMinute = limits.NewStreamsPerMinute ?? other.NewStreamsPerMinute,
        AudioRate = limits.AudioRate ?? other.AudioRate,
        Subscribers = limits.Subscribers ?? other.Subscribers,
        MessageBytes = limits.MessageBytes ?? other.MessageBytes,
        RetainedBytes = limits.RetainedBytes ?? other.RetainedBytes,
        Weight = limits.Weight ?? other.Weight,
    };
}
