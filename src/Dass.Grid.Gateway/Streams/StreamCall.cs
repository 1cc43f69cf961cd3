using System.Diagnostics;
using System.Threading.Channels;
using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Streams;

/// <summary>
/// One duplex call: a reader that checks the order of messages, a bounded queue, and a pump that pushes audio and writes answers.
/// </summary>
internal sealed class StreamCall(
    StreamServices services,
    CallState call,
    IAsyncStreamReader<StreamRequest> requests,
    IServerStreamWriter<StreamResponse> responses,
    CancellationToken cancellationToken)
{
    private readonly GridAccess _grid = services.Grid;

    public async Task RunAsync()
    {
        var config = await ReadConfigAsync();
        var id = call.Scope(config.StreamId.Length == 0 ? Guid.NewGuid().ToString("N") : config.StreamId);
        var spec = call.Caller.Complete(services.Aliases.Resolve(call.Caller, RequestMapping.Spec(config)));
        await CheckAsync(config, id, spec);

        var stream = _grid.Grains.GetGrain<IStreamGrain>(id.ToString());
        var feeder = new Feeder(OldestSample: config.OldestSample)
        {
            Begun = RequestMapping.Begun(config, _grid.Time.GetUtcNow()), BeginsAgain = config.BeginAgain,
        };
        var attachment = await AdmitAsync(id, async () => (await Recovery.AskAsync(
            _grid,
            async () => TransientRefusalException.IfMoved(await stream.AttachAsync(spec, feeder, cancellationToken)),
            cancellationToken)).OrThrow());
        var quota = services.Quotas.For(call.Caller);
        quota.BeginCall();
        try
        {
            await ServeAsync(config, id, stream, spec, attachment, quota);
        }
        finally
        {
            quota.EndCall();
            stream.Detach(attachment.Id).Ignore();
        }
    }

    private async Task ServeAsync(
        StreamConfig config, StreamId id, IStreamGrain stream, StreamSpec spec, Attachment attachment, TenantQuota quota)
    {
        var view = new ScoreView(config.Filter, await services.Cards.GetAsync(attachment.Shape.Model));
        await responses.WriteAsync(new StreamResponse { Ready = ResponseMapping.Map(id, attachment) }, cancellationToken);
        if (attachment.Change is { Events.Length: > 0 } change)
        {
            var closed = new ScoreView(null, await services.Cards.GetAsync(change.Before)).Select(change.Events);
            await responses.WriteAsync(new StreamResponse { Events = new EventList { Events = { closed } } }, cancellationToken);
        }
        if (attachment.Gap is { } gap)
        {
            await responses.WriteAsync(new StreamResponse { Gap = view.Map(gap) }, cancellationToken);
        }

        _grid.Instruments.OnFed(id.Tenant);
        var times = new ChunkTimes(_grid, id, attachment, Activity.Current?.Context ?? default);
        Activity.Current = null; // a call has no end: each chunk is a trace of its own
        using var pump = new AudioPump(
            _grid, id, stream, spec, config.OldestSample, attachment, new AudioRateLimiter(quota, _grid.Time),
            new StreamAnswers(stream, attachment, view, times, responses, cancellationToken), times, cancellationToken);
        if (config.HasFromChunk)
        {
            await pump.RepeatAsync(config.FromChunk);
        }
        var format = attachment.Shape.Format;
        await PumpAsync(pump, new AudioSequence(
            attachment.NextSample, attachment.Shape.BytesPerFrame, (long)(_grid.Options.MaxFilledLoss.TotalSeconds * format.SampleRateHz)));
    }

    /// <summary>A stream that its tenant's limits do not admit is refused before it is touched.</summary>
    private async Task<Attachment> AdmitAsync(StreamId id, Func<Task<Attachment>> attach)
    {
        var limits = call.Caller.Limits;
        if (limits is { LiveStreams: null, NewStreamsPerMinute: null, AudioRate: null })
        {
            return await attach();
        }
        var tenant = _grid.Grains.GetGrain<ITenantGrain>(id.Tenant);
        Outcome<Contracts.Admission>? admission = null; // null also while an answer is not waited for any more
        try
        {
            admission = await Recovery.AskAsync(_grid, () => tenant.Admit(id.Name, limits), cancellationToken);
            admission.OrThrow();
            return await attach();
        }
        catch when (admission is null or { Value.IsNew: true })
        {
            tenant.Withdraw(id.Name).Ignore(); // the stream may begin all the same, after a client that has gone
            throw;
        }
    }

    private async Task<StreamConfig> ReadConfigAsync()
    {
        if (!await requests.MoveNext(cancellationToken))
        {
            throw ProtocolErrors.NoConfig("the end of the call");
        }
        return requests.Current.RequestCase == StreamRequest.RequestOneofCase.Config
            ? requests.Current.Config
            : throw ProtocolErrors.NoConfig(requests.Current.RequestCase.ToString().ToLowerInvariant());
    }

    /// <summary>Checks what can be checked before the stream is touched: attaching ends an earlier call.</summary>
    private async Task CheckAsync(StreamConfig config, StreamId id, StreamSpec spec)
    {
        if (config is { HasFromChunk: true, FromChunk: < 0 })
        {
            throw ProtocolErrors.FromChunk(config.FromChunk);
        }
        if (config is { HasOldestSample: true, OldestSample: < 0 or > AudioSequence.MaxLostSample })
        {
            throw ProtocolErrors.OldestSample(config.OldestSample, AudioSequence.MaxLostSample);
        }
        if (config.SwitchModel && config.Model.Length == 0)
        {
            throw ProtocolErrors.SwitchWithoutModel();
        }
        ScoreView.Check(config.Filter);
        if (config.Filter is { Labels.Count: > 0 })
        {
            var status = await Recovery.AskAsync(_grid, _grid.Grains.GetGrain<IStreamGrain>(id.ToString()).GetStatus, cancellationToken);
            var model = status.Has(out var live, out _) ? live.Shape.Model.Name : spec.Model ?? spec.DefaultModel;
            _ = new ScoreView(config.Filter, await services.Cards.GetAsync(model));
        }
    }

    private async Task PumpAsync(AudioPump pump, AudioSequence sequence)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var waiting = Channel.CreateBounded<Arrival?>(
            new BoundedChannelOptions(_grid.Options.PendingMessages) { SingleReader = true, SingleWriter = true });
        var reading = ReadAsync(sequence, waiting.Writer, ending.Token);
        try
        {
            // Audio before a broken rule is still pushed: the error is the last item of the queue.
            await foreach (var next in waiting.Reader.ReadAllAsync(cancellationToken))
            {
                if (next is not { } arrival)
                {
                    await pump.FinishAsync();
                    return;
                }
                await pump.PushAsync(arrival);
            }
        }
        finally
        {
            await ending.CancelAsync();
            await reading;
        }
    }

    private async Task ReadAsync(AudioSequence sequence, ChannelWriter<Arrival?> waiting, CancellationToken ending)
    {
        try
        {
            while (await requests.MoveNext(ending))
            {
                if (requests.Current.Audio?.Data.Length > call.Caller.Limits.MessageBytes)
                {
                    throw ProtocolErrors.MessageTooLong(requests.Current.Audio.Data.Length, call.Caller.Limits.MessageBytes.Value);
                }
                var at = _grid.Time.GetTimestamp();
                await waiting.WriteAsync(sequence.Accept(requests.Current) is { } arrival ? arrival with { At = at } : null, ending);
            }
            waiting.Complete();
        }
        catch (Exception end)
        {
            waiting.Complete(end);
        }
    }
}
