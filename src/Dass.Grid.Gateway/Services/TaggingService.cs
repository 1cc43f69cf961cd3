using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Events;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Models;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Streams;
using Dass.Grid.Gateway.Subscriptions;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Services;

/// <summary>The public service. Its rules are written in tagging.proto.</summary>
internal sealed class TaggingService(
    GridAccess grid,
    ModelCards cards,
    ModelAliases aliases,
    StreamServices streams,
    SubscriptionServices subscriptions,
    CallGuard guard) : Tagging.TaggingBase
{
    private const int DefaultPage = 100;
    private const int MaxPage = 1_000;

    public override async Task Stream(
        IAsyncStreamReader<StreamRequest> requests, IServerStreamWriter<StreamResponse> responses, ServerCallContext context)
    {
        using var ending = Ending(context);
        await new StreamCall(streams, CallState.Of(context), requests, responses, ending.Token).RunAsync();
    }

    public override async Task Subscribe(SubscribeRequest request, IServerStreamWriter<SubscribeResponse> responses, ServerCallContext context)
    {
        using var ending = Ending(context);
        await new SubscribeCall(subscriptions, CallState.Of(context), request, since: null, responses, ending.Token).RunAsync(() => context.WriteResponseHeadersAsync([]));
    }

    public override async Task<TagResponse> Tag(TagRequest request, ServerCallContext context)
    {
        ScoreView.Check(request.Filter);
        var caller = CallState.Of(context).Caller;
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
        var view = new ScoreView(request.Filter, await cards.NamedAsync(spec.Model ?? spec.DefaultModel));
        grid.Instruments.OnAudio(request.Audio.Length);
        using var ending = Ending(context);
        var clip = await grid.Grains.GetGrain<IClipGrain>(0).Tag(caller.Tenant, spec, new AudioBlock(0, request.Audio.Memory), ending.Token);
        var heard = clip.OrThrow();
        return new TagResponse { Model = ResponseMapping.Of(heard.Model), Summary = view.Of(heard.Summary), Chunks = { heard.Tags.Select(view.Of) }, Events = { view.Select(heard.Events) } };
    }

    public override async Task<ListStreamsResponse> ListStreams(ListStreamsRequest request, ServerCallContext context)
    {
        if (request.PageSize is < 0 or > MaxPage)
        {
            throw ProtocolErrors.PageSize(request.PageSize);
        }
        if (request.PageToken.Length > 0 && !StreamId.IsName(request.PageToken))
        {
            throw ProtocolErrors.PageToken(request.PageToken);
        }
        var size = request.PageSize == 0 ? DefaultPage : request.PageSize;
        var tenant = grid.Grains.GetGrain<ITenantGrain>(CallState.Of(context).Tenant);
        var listings = await tenant.List(request.PageToken, size + 1);
        var page = listings.Take(size).Select(ResponseMapping.Of).ToArray();
        return new ListStreamsResponse { Streams = { page }, NextPageToken = listings.Length > size ? page[^1].StreamId : "" };
    }

    public override async Task<StreamInfo> GetStream(GetStreamRequest request, ServerCallContext context)
    {
        var (id, stream) = Named(request.StreamId, context);
        ScoreView.Check(request.Filter);
        var status = (await stream.GetStatus()).OrThrow();
        return ResponseMapping.Of(id, status, new ScoreView(request.Filter, await cards.OfAsync(status.Shape.Model)));
    }

    public override async Task<CloseStreamResponse> CloseStream(CloseStreamRequest request, ServerCallContext context)
    {
        var (_, stream) = Named(request.StreamId, context);
        ScoreView.Check(request.Filter);
        var status = (await stream.GetStatus()).OrThrow();
        var view = new ScoreView(request.Filter, await cards.OfAsync(status.Shape.Model));
        var end = (await stream.Close(context.CancellationToken)).OrThrow().End;
        return new CloseStreamResponse { Reason = ResponseMapping.Of(end.Reason), Summary = view.Of(end.Summary) };
    }

    public override Task<ListEventsResponse> ListEvents(ListEventsRequest request, ServerCallContext context) =>
        new EventLogQueries(grid, CallState.Of(context)).ListAsync(request, context.CancellationToken);

    public override async Task ExportEvents(ExportEventsRequest request, IServerStreamWriter<ExportEventsResponse> responses, ServerCallContext context)
    {
        using var ending = Ending(context);
        await new EventLogQueries(grid, CallState.Of(context)).ExportAsync(request, responses, ending.Token);
    }

    public override async Task<GetUsageResponse> GetUsage(GetUsageRequest request, ServerCallContext context) =>
        ResponseMapping.Of(await grid.Grains.GetGrain<IUsageGrain>(CallState.Of(context).Tenant).Get());

    public override async Task<ListModelsResponse> ListModels(ListModelsRequest request, ServerCallContext context)
    {
        var caller = CallState.Of(context).Caller;
        var standard = aliases.Resolve(caller, new StreamSpec()).DefaultModel;
        var models = (await cards.ListAsync())
            .Where(model => caller.Models.Length == 0 || caller.Models.Contains(model.Name))
            .Select(model => ResponseMapping.Of(standard is null ? model : model with { IsDefault = model.Name == standard }));
        return new ListModelsResponse { Models = { models } };
    }

    public override async Task<ListLabelsResponse> ListLabels(ListLabelsRequest request, ServerCallContext context)
    {
        var spec = aliases.Resolve(CallState.Of(context).Caller, new StreamSpec { Model = request.Model.Length == 0 ? null : request.Model });
        var card = await cards.NamedAsync(spec.Model ?? spec.DefaultModel);
        return new ListLabelsResponse
        {
            Model = ResponseMapping.Of(card.Summary),
            Labels = { card.Labels.Select((label, index) => new Label { Index = index, Id = label.Id, Name = label.Name }) },
        };
    }

    private (StreamId Id, IStreamGrain Stream) Named(string name, ServerCallContext context)
    {
        var id = CallState.Of(context).Scope(name);
        return (id, grid.Grains.GetGrain<IStreamGrain>(id.ToString()));
    }

    private CancellationTokenSource Ending(ServerCallContext context) => guard.Ending(CallState.Of(context), context.CancellationToken);
}
