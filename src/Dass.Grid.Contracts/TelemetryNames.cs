namespace Dass.Grid.Contracts;

/// <summary>
/// Names of meters, activity sources and their tags. Stream ids are tags of traces and logs, never of metrics; tenants are tags of a
/// gateway's metrics, the first ones by name and all others as one.
/// </summary>
public static class TelemetryNames
{
    public const string Engine = "Dass.Grid.Engine";
    public const string Grains = "Dass.Grid.Grains";
    public const string Gateway = "Dass.Grid.Gateway";

    public const string Model = "dass.model";
    public const string Tenant = "dass.tenant";
    public const string Stream = "dass.stream";
    public const string Chunk = "dass.chunk.index";
    public const string Pace = "dass.pace";
    public const string Reason = "dass.reason";
    public const string Result = "dass.result";
    public const string How = "dass.how";
    public const string Quantile = "dass.quantile";
    public const string Method = "rpc.method";
    public const string Status = "rpc.response.status_code";
    public const string Limit = "dass.limit";
    public const string Protocol = "dass.protocol";
    public const string Level = "dass.level";

    /// <summary>Roots of the grid's own traces; samplers know them by name.</summary>
    public const string ChunkTrace = "dass.chunk";
    public const string BatchTrace = "dass.engine.batch";
    public const string DeliveryTrace = "dass.deliver";

    /// <summary>Values of <see cref="Pace"/>: audio that is due in real time, and audio that comes faster.</summary>
    public const string Live = "live";
    public const string CatchUp = "catch_up";
}
