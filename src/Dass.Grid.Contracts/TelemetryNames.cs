namespace Dass.Grid.Contracts;

/// <summary>
/// Names of meters, activity sources and their tags. Stream ids and tenants are tags of traces and logs, never of metrics.
/// </summary>
public static class TelemetryNames
{
    public const string Engine = "Dass.Grid.Engine";
    public const string Grains = "Dass.Grid.Grains";
    public const string Gateway = "Dass.Grid.Gateway";

    public const string Model = "dass.model";
    public const string Stream = "dass.stream";
    public const string Reason = "dass.reason";
    public const string Result = "dass.result";
    public const string How = "dass.how";
    public const string Method = "rpc.method";
    public const string Status = "rpc.grpc.status_code";
    public const string Limit = "dass.limit";
    public const string Protocol = "dass.protocol";
}
