using System.Collections.Concurrent;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Gateway;
using Dass.Grid.Grains.Models;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Durability;

/// <summary>
/// Orleans' directory cancels calls to grains of a silo that has just died. The calls of clients wait and ask again; none is told that it
/// was cancelled, and no subscription leaves a stream out.
/// </summary>
public sealed class CancelledCallTests : IAsyncLifetime
{
    private readonly CancellingDirectory _directory = new();
    private TestGrid _grid = null!;

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync(
        configure: builder => builder.Services.AddSingleton<IOutgoingGrainCallFilter>(_directory));

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    [Fact]
    public async Task A_feeder_and_a_subscriber_of_all_go_on()
    {
        using var call = _grid.Client.Subscribe(
            new SubscribeRequest { AllStreams = true, Filter = new TagFilter { Dense = true } }, deadline: TestGrid.Deadline);
        await call.ResponseHeadersAsync;
        _directory.Cancel(
            nameof(IStreamGrain.Attach), nameof(IStreamGrain.Push), nameof(IStreamGrain.Subscribe), nameof(IStreamGrain.Finish));

        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        var received = new List<Tags>();
        while (await call.ResponseStream.MoveNext(CancellationToken.None) && call.ResponseStream.Current.Ended is null)
        {
            received.AddRange(call.ResponseStream.Current.Tags is { } tags ? [tags] : []);
        }

        await BareSession.AssertEqualAsync(received);
        Assert.Empty(_directory.Left);
    }

    [Fact]
    public async Task A_call_that_does_not_wait_says_unavailable()
    {
        _directory.Cancel(nameof(ITenantGrain.List));
        await TestGrid.RefusesAsync(
            StatusCode.Unavailable, "no silo can be reached now",
            async () => await _grid.Client.ListStreamsAsync(new ListStreamsRequest(), deadline: TestGrid.Deadline));
        Assert.Empty(_directory.Left);
    }

    [Fact]
    public async Task A_stream_is_asked_again_how_it_is_and_to_end()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config(Yard.Id));
        _directory.Cancel(nameof(IStreamGrain.GetStatus));
        await _grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id }, deadline: TestGrid.Deadline);
        _directory.Cancel(nameof(IStreamGrain.GetStatus), nameof(IStreamGrain.Close));
        var closed = await _grid.Client.CloseStreamAsync(new CloseStreamRequest { StreamId = Yard.Id }, deadline: TestGrid.Deadline);
        Assert.Equal(EndReason.Closed, closed.Reason);
        Assert.Empty(_directory.Left);
    }

    [Fact]
    public async Task Calls_that_still_wait_when_their_gateway_stops_are_told_so_at_once()
    {
        var directory = new CancellingDirectory
        {
            Cancels = call => call.MethodName is nameof(IStreamGrain.GetStatus) or nameof(IEventIndexGrain.Find),
        };
        var grid = await TestGrid.StartAsync(configure: builder => builder.Services.AddSingleton<IOutgoingGrainCallFilter>(directory));
        await grid.Client.ListModelsAsync(new ListModelsRequest()); // there is no metric before the first call
        Func<Task>[] calls =
        [
            async () => await grid.Client.GetStreamAsync(new GetStreamRequest { StreamId = Yard.Id }, deadline: TestGrid.Deadline),
            async () => await grid.Client.CloseStreamAsync(new CloseStreamRequest { StreamId = Yard.Id }, deadline: TestGrid.Deadline),
            async () => await grid.Client.ListEventsAsync(new ListEventsRequest(), deadline: TestGrid.Deadline),
        ];
        var waiting = Array.ConvertAll(calls, call => call());
        await TestGrid.UntilAsync(async () => await grid.MetricAsync("dass_gateway_calls_live") == waiting.Length);
        var began = TimeProvider.System.GetTimestamp();
        await grid.Host.DisposeAsync();
        foreach (var call in waiting)
        {
            await TestGrid.RefusesAsync(StatusCode.Unavailable, "gateway is stopping", () => call);
        }
        var half = new GatewayOptions().RecoveryPatience / 2;
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, half);
        grid.Channel.Dispose();
    }

    [Fact]
    public async Task An_end_whose_answer_is_lost_still_gives_its_summary()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config(Yard.Id));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        Assert.Equal(Yard.Half, await Yard.CheckpointAsync(_grid)); // the gateway need not keep what is before
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        _directory.LoseAnswer(nameof(IStreamGrain.Finish));
        await Undisturbed.AssertAsync(await feed.FinishAsync(), feed);
        Assert.Empty(_directory.Left);
    }

    [Fact]
    public async Task A_silo_goes_on_to_follow_the_registry()
    {
        var tiny = Assert.Single((await _grid.Client.ListModelsAsync(new ListModelsRequest())).Models);
        var cancelled = 0;
        _directory.Cancels = call =>
            call.Request.GetInterfaceType() == typeof(IRegistryGrain) && Interlocked.Increment(ref cancelled) > 0;
        await TestGrid.UntilAsync(() => cancelled >= 4); // those of the gateway and of the silo
        _directory.Cancels = _ => false;
        await _grid.Host.Grains.GetGrain<IRegistryGrain>(0).RecordModel(new ModelRecord("twin", TestGrid.TinyModel, tiny.Hash, 1));
        var models = _grid.Host.Services.GetRequiredService<ModelRegistry>();
        await TestGrid.UntilAsync(() => models.All.Any(model => model.Name == "twin"));
    }

    [Fact]
    public async Task A_tenant_that_does_not_answer_keeps_no_other_from_being_woken()
    {
        var woken = new ConcurrentDictionary<string, bool>();
        var index = _grid.Host.Grains.GetGrain<ITenantIndexGrain>(0);
        await index.Add("anne");
        await index.Add("bob");
        _directory.Cancels = call => call.Request.GetInterfaceType() == typeof(ITenantGrain)
            && call.MethodName == nameof(ITenantGrain.Wake)
            && woken.AddOrUpdate(call.TargetId.Key.ToString()!, true, (_, _) => true);
        await index.Wake();
        await TestGrid.UntilAsync(() => woken.Count == 2);
    }

    /// <summary>Cancels one call of each method that is named, as the directory does: the call's own token is not.</summary>
    private sealed class CancellingDirectory : IOutgoingGrainCallFilter
    {
        private readonly ConcurrentDictionary<string, bool> _methods = new(); // and whether the call is made before

        /// <summary>Whether it cancels a call besides.</summary>
        public Func<IOutgoingGrainCallContext, bool> Cancels { get; set; } = _ => false;

        public ICollection<string> Left => _methods.Keys;

        public void Cancel(params string[] methods) => Array.ForEach(methods, method => _methods[method] = false);

        public void LoseAnswer(string method) => _methods[method] = true;

        public async Task Invoke(IOutgoingGrainCallContext context)
        {
            var isMade = false;
            var isPicked = Cancels(context) || _methods.TryRemove(context.MethodName, out isMade);
            if (!isPicked || isMade)
            {
                await context.Invoke();
            }
            if (isPicked)
            {
                throw new OperationCanceledException();
            }
        }
    }
}
