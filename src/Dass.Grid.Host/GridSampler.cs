using System.Diagnostics;
using Dass.Grid.Contracts;
using OpenTelemetry.Trace;

namespace Dass.Grid.Host;

/// <summary>
/// Which traces are kept: of chunks and of clients' calls a share; of batches and deliveries those that have a link to a chunk that is
/// kept; of timers, polls and everything else that has no client none.
/// </summary>
/// <remarks>
/// A chunk or call that is not chosen is still made, without children, so that it can be kept after all when it turns out slow or refused.
/// </remarks>
/// <param name="ratio">Of chunks and of calls, 0 to 1.</param>
internal sealed class GridSampler(double ratio) : Sampler
{
    /// <summary>Of ASP.NET Core.</summary>
    private const string Request = "Microsoft.AspNetCore.Hosting.HttpRequestIn";

    private readonly TraceIdRatioBasedSampler _ratio = new(ratio);

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters)
    {
        var parent = samplingParameters.ParentContext;
        if (parent != default)
        {
            var isKept = parent.TraceFlags.HasFlag(ActivityTraceFlags.Recorded);
            return new SamplingResult(
                isKept ? SamplingDecision.RecordAndSample : parent.IsRemote ? SamplingDecision.RecordOnly : SamplingDecision.Drop);
        }
        return samplingParameters.Name switch
        {
            TelemetryNames.BatchTrace or TelemetryNames.DeliveryTrace => new SamplingResult(SamplingDecision.RecordAndSample),
            TelemetryNames.ChunkTrace or Request => new SamplingResult(
                _ratio.ShouldSample(samplingParameters).Decision == SamplingDecision.RecordAndSample
                    ? SamplingDecision.RecordAndSample
                    : SamplingDecision.RecordOnly),
            _ => new SamplingResult(SamplingDecision.Drop),
        };
    }
}
