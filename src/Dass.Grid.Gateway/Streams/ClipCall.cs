using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Models;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Streams;

/// <summary>A recording that is tagged in one call, by every protocol.</summary>
internal sealed class ClipCall(GridAccess grid, ModelCards cards, ModelAliases aliases, StreamServices streams)
{
    /// <summary>Of a recording, for its tenant's audio rate: so long is the longest recording.</summary>
    private static readonly TimeSpan LongestRateWait = TimeSpan.FromMinutes(1);

    /// <exception cref="RpcException">The request breaks a rule or a quota.</exception>
    public async Task<TagResponse> TagAsync(TagRequest request, CallState call, DateTime deadline, CancellationToken cancellationToken)
    {
        ScoreView.Check(request.Filter);
        var caller = call.Caller;
        var asked = RequestMapping.Spec(request.Format ?? throw ProtocolErrors.NoFormat(), request.Model, request.Chunk, request.LookAhead);
        var spec = caller.Complete(aliases.Resolve(caller, asked));
        if (request.Audio.IsEmpty)
        {
            throw ProtocolErrors.EmptyAudio("audio");
        }
        if (request.Audio.Length > caller.Limits.MessageBytes)
        {
            throw ProtocolErrors.MessageTooLong(request.Audio.Length, caller.Limits.MessageBytes.Value);
        }
        var view = new ScoreView(request.Filter, await cards.GetAsync(spec.Model ?? spec.DefaultModel));
        await TakeRateAsync(caller, asked.Format!, request.Audio.Length, deadline, cancellationToken);
        grid.Instruments.OnAudio(request.Audio.Length);
        var audio = new AudioBlock(0, request.Audio.Memory);
        var clip = (await grid.Grains.GetGrain<IClipGrain>(0).Tag(caller.Tenant, spec, audio, cancellationToken)).OrThrow();
        return new TagResponse
        {
            Model = ResponseMapping.Map(clip.Model),
            Summary = view.Map(clip.Summary),
            Chunks = { clip.Tags.Select(view.Map) },
            Events = { view.Select(clip.Events) },
        };
    }

    /// <summary>A format that breaks a rule is refused where the audio is decoded.</summary>
    private Task TakeRateAsync(Caller caller, AudioShape shape, int bytes, DateTime deadline, CancellationToken cancellationToken)
    {
        var bytesPerSecond = (double)shape.BytesPerFrame * shape.SampleRateHz;
        if (shape is not { SampleRateHz: > 0, Channels: > 0 })
        {
            return Task.CompletedTask;
        }
        var left = deadline - grid.Time.GetUtcNow().UtcDateTime;
        var patience = left < LongestRateWait ? left : LongestRateWait;
        return streams.Quotas.TakeClipAsync(caller, bytes / bytesPerSecond, patience, cancellationToken);
    }
}
