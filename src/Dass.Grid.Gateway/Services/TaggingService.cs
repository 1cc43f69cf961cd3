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
    ClipCall clips,
    SubscriptionServices subscriptions,
    CallGuard guard) : Tagging.TaggingBase
{
    public override async Task Stream(
        IAsyncStreamReader<StreamRequest> requests, IServerStreamWriter<StreamResponse> responses, ServerCallContext context)
    {
        using var ending = Ending(context);
        await new StreamCall(streams, CallState.From(context), requests, responses, ending.Token).RunAsync();
    }

    public override async Task Subscribe(
        SubscribeRequest request, IServerStreamWriter<SubscribeResponse> responses, ServerCallContext context)
    {
        using var ending = Ending(context);
        var since = SubscribeCall.Since(grid, request);
        var call = new SubscribeCall(subscriptions, CallState.From(context), request, since, responses, ending.Token);
        await call.RunAsync(() => context.WriteResponseHeadersAsync([]));
    }

    public override async Task<TagResponse> Tag(TagRequest request, ServerCallContext context)
    {
        using var ending = Ending(context);
        return await clips.TagAsync(request, CallState.From(context), context.Deadline, ending.Token);
    }

    public override async Task<ListStreamsResponse> ListStreams(ListStreamsRequest request, ServerCallContext context)
    {
        var size = Paging.Size(request.PageSize);
        if (request.PageToken.Length > 0 && !StreamId.IsName(request.PageToken))
        {
            throw ProtocolErrors.PageToken(request.PageToken);
        }
        var tenant = grid.Grains.GetGrain<ITenantGrain>(CallState.From(context).Tenant);
        var listings = await tenant.List(request.PageToken, size + 1);
        var page = new List<StreamEntry>();
        var known = await cards.ListAsync();
        foreach (var streams in listings.Take(size).GroupBy(listing => listing.Model))
        {
            var model = Array.Find(known, each => each.Name == streams.Key);
            var view = model is null ? null : new ScoreView(null, await cards.GetAsync(model));
            page.AddRange(streams.Select(listing => ResponseMapping.Map(listing, view)));
        }
        page.Sort((one, other) => string.CompareOrdinal(one.StreamId, other.StreamId));
        return new ListStreamsResponse { Streams = { page }, NextPageToken = listings.Length > size ? page[^1].StreamId : "" };
    }

    public override async Task<StreamInfo> GetStream(GetStreamRequest request, ServerCallContext context)
    {
        var (id, stream) = Named(request.StreamId, context);
        ScoreView.Check(request.Filter);
        using var ending = Ending(context);
        var status = await StatusAsync(stream, ending.Token);
        return ResponseMapping.Map(id, status, new ScoreView(request.Filter, await cards.GetAsync(status.Shape.Model)));
    }

    public override async Task<CloseStreamResponse> CloseStream(CloseStreamRequest request, ServerCallContext context)
    {
        var (_, stream) = Named(request.StreamId, context);
        ScoreView.Check(request.Filter);
        using var ending = Ending(context);
        var status = await StatusAsync(stream, ending.Token);
        var view = new ScoreView(request.Filter, await cards.GetAsync(status.Shape.Model));
        var finished = await Recovery.AskAsync(
            grid,
            async () => TransientRefusalException.IfMoved(await stream.Close(ending.Token)), // again: the same answer
            ending.Token);
        var end = finished.OrThrow().End;
        return new CloseStreamResponse { Reason = ResponseMapping.Map(end.Reason), Summary = view.Map(end.Summary) };
    }

    public override async Task<ListEventsResponse> ListEvents(ListEventsRequest request, ServerCallContext context)
    {
        using var ending = Ending(context);
        return await new EventLogQueries(grid, CallState.From(context)).ListAsync(request, ending.Token);
    }

    public override async Task ExportEvents(
        ExportEventsRequest request, IServerStreamWriter<ExportEventsResponse> responses, ServerCallContext context)
    {
        using var ending = Ending(context);
        await new EventLogQueries(grid, CallState.From(context)).ExportAsync(request, responses, ending.Token);
    }

    public override async Task<GetUsageResponse> GetUsage(GetUsageRequest request, ServerCallContext context) =>
        ResponseMapping.Map(await grid.Grains.GetGrain<IUsageGrain>(CallState.From(context).Tenant).Get());

    public override async Task<ListModelsResponse> ListModels(ListModelsRequest request, ServerCallContext context)
    {
        var caller = CallState.From(context).Caller;
        var standard = aliases.Resolve(caller, new StreamSpec()).DefaultModel;
        var models = (await cards.ListAsync())
            .Where(model => caller.Models.Length == 0 || caller.Models.Contains(model.Name))
            .Select(model => ResponseMapping.Map(standard is null ? model : model with { IsDefault = model.Name == standard }));
        return new ListModelsResponse { Models = { models } };
    }

    public override async Task<ListLabelsResponse> ListLabels(ListLabelsRequest request, ServerCallContext context)
    {
        var asked = new StreamSpec { Model = request.Model.Length == 0 ? null : request.Model };
        var spec = aliases.Resolve(CallState.From(context).Caller, asked);
        var card = await cards.GetAsync(spec.Model ?? spec.DefaultModel);
        return new ListLabelsResponse
        {
            Model = ResponseMapping.Map(card.ListedSummary()),
            Labels = { card.Labels.Select(ResponseMapping.Map) },
        };
    }

    private (StreamId Id, IStreamGrain Stream) Named(string name, ServerCallContext context)
    {
        var id = CallState.From(context).Scope(name);
        return (id, grid.Grains.GetGrain<IStreamGrain>(id.ToString()));
    }

    private async Task<StreamStatus> StatusAsync(IStreamGrain stream, CancellationToken ending) =>
        (await Recovery.AskAsync(grid, stream.GetStatus, ending)).OrThrow();

    private CancellationTokenSource Ending(ServerCallContext context) => guard.Ending(CallState.From(context), context.CancellationToken);
}
