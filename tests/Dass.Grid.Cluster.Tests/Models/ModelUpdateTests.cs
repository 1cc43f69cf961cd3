using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Models;

/// <summary>New weights under live streams.</summary>
public sealed class ModelUpdateTests : IAsyncLifetime
{

    private readonly StoreFolder _store = new();
    private readonly SiblingModel _sibling = new();
    private TestGrid _grid = null!;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(_store.Settings());
        await _grid.Admin.RegisterModelAsync(new RegisterModelRequest { Name = "sibling", Directory = _sibling.Folder, MaxStreams = 4 });
        await PointAsync("live", "tiny");
    }

    public async Task DisposeAsync()
    {
        await _grid.DisposeAsync();
        _sibling.Dispose();
        _store.Dispose();
    }

    [Fact]
    public async Task A_moved_alias_changes_new_streams_and_leaves_live_ones_alone()
    {
        using (var begun = await BeginAsync(Config("live")))
        {
            Assert.Equal("tiny", begun.Ready.Model.Name);
            await SendHalfAsync(begun);
        }
        await PointAsync("live", "sibling");

        using var later = await BeginAsync(Config("live", "porch"));
        using var again = await BeginAsync(Config("live", fromChunk: 0));
        Assert.Equal(("sibling", "tiny"), (later.Ready.Model.Name, again.Ready.Model.Name));
        await again.SendBabbleAsync(Yard.Half, Babble.Samples);
        await BareSession.AssertEqualAsync(again.Tags, await again.FinishAsync());
    }

    [Fact]
    public async Task A_stream_whose_model_is_gone_begins_again_at_once_with_the_one_that_its_alias_names()
    {
        await PointAsync("live", "sibling");
        using (var begun = await BeginAsync(Config("live")))
        {
            Assert.Equal("sibling", begun.Ready.Model.Name);
            await SendHalfAsync(begun);
        }
        await _grid.DisposeAsync();
        foreach (var file in Directory.GetFiles(_sibling.Folder))
        {
            File.Delete(file);
        }
        _grid = await TestGrid.StartAsync(_store.Settings());
        await PointAsync("live", "tiny");

        var config = Config("live");
        (config.Format, config.OldestSample) = (null, Yard.Half);
        using var again = await BeginAsync(config);
        Assert.Equal("tiny", again.Ready.Model.Name);
        await again.SendAsync(Babble.Slice((int)again.Ready.NextSample, Babble.Samples - (int)again.Ready.NextSample));
        await again.FinishAsync();
        Assert.Contains("model is gone", Assert.Single(again.Gaps).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Weights_of_one_kind_take_the_streams_state_over()
    {
        using (var begun = await BeginAsync(Config("tiny")))
        {
            await SendHalfAsync(begun);
        }
        var config = Config("sibling", fromChunk: 0);
        config.SwitchModel = true;
        using var watch = _grid.Client.Subscribe(new SubscribeRequest { StreamId = Yard.Id }, deadline: TestGrid.Deadline);
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));

        using var again = await BeginAsync(config);
        Assert.Equal(("sibling", Yard.Half), (again.Ready.Model.Name, again.Ready.NextSample));
        await again.SendBabbleAsync(Yard.Half, Babble.Samples);
        await again.FinishAsync();

        // Only the head differs, so the sibling would have had the same state at every position.
        var expected = (await BareSession.HearAsync(_sibling.Folder)).Chunks;
        var (first, tags) = ((int)again.Ready.NextChunk, again.Tags);
        Assert.Equal(expected.Select(chunk => chunk.Index), tags.Select(tag => tag.Chunk));
        for (var i = first; i < expected.Count; i++)
        {
            BareSession.AssertClose(expected[i].Scores, tags[i].DenseChunkScores);
            BareSession.AssertClose(expected[i].WindowScores, tags[i].DenseWindowScores);
        }
        Assert.Empty(again.Gaps);
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Equal("sibling", watch.ResponseStream.Current.NewModel?.Model.Name);
    }

    [Fact]
    public async Task Another_kind_of_model_hears_the_last_window_again()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings(
            ("Grid:Models:built-in:Threads", "1"), ("Grid:DefaultModel", "tiny")));
        var first = Config("tiny", "garden");
        first.CaptureTime = new Timestamp { Seconds = 1_000_000 };
        using (var begun = await Feed.BeginAsync(grid.Client, first))
        {
            await SendHalfAsync(begun);
        }
        var config = Config("built-in", "garden");
        config.SwitchModel = true;
        using var again = await Feed.BeginAsync(grid.Client, config);

        // Seven chunks of 0.96 s are tagged after 7.5 s: less than a window, so all is heard again.
        Assert.Equal((0, 7), (again.Ready.NextSample, again.Ready.NextChunk));
        Assert.Equal(first.CaptureTime, again.Ready.CaptureTime); // events keep their times of day
        await again.SendBabbleAsync(0, Babble.Samples);
        await again.FinishAsync();

        var expected = (await BareSession.HearAsync(model: null)).Chunks;
        Assert.Equal(expected.Skip(7).Select(chunk => chunk.Index), again.Tags.Select(tag => tag.Chunk));
        foreach (var (chunk, tag) in expected.Skip(7).Zip(again.Tags))
        {
            BareSession.AssertClose(chunk.Scores, tag.DenseChunkScores);
        }
        Assert.Empty(again.Gaps);
    }

    [Fact]
    public async Task Audio_that_the_new_model_needs_and_the_client_no_longer_keeps_is_a_gap()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings(
            ("Grid:Models:built-in:Threads", "1"), ("Grid:DefaultModel", "tiny")));
        using (var begun = await Feed.BeginAsync(grid.Client, Config("tiny", "street")))
        {
            await SendHalfAsync(begun);
        }
        var config = Config("built-in", "street");
        (config.SwitchModel, config.OldestSample) = (true, Yard.Half);
        using var again = await Feed.BeginAsync(grid.Client, config);
        Assert.Equal(8, again.Ready.NextChunk); // the first chunk that lies wholly after 7.5 s
        await again.SendAsync(Babble.Slice((int)again.Ready.NextSample, Babble.Samples));
        await again.FinishAsync();

        var gap = Assert.Single(again.Gaps);
        Assert.Equal((Yard.Half, again.Ready.NextSample, 8L), (gap.FromSample, gap.ToSample, gap.NextChunk));
        Assert.Equal(8, again.Tags[0].Chunk);

        // The end tells subscribers where the chunks end, and not only how many this model has heard.
        Assert.True((await Yard.Grain(grid, "street").GetStatus()).Has(out var status, out _));
        Assert.Equal(again.Tags[^1].Chunk + 1, status.End?.NextChunk);
        Assert.Equal(again.Tags.Count, status.Summary.Chunks);
    }

    [Fact]
    public async Task Registered_models_and_aliases_are_there_after_a_restart()
    {
        await _grid.DisposeAsync();
        _grid = await TestGrid.StartAsync(_store.Settings());
        await TestGrid.UntilAsync(
            async () => (await _grid.Client.ListModelsAsync(new ListModelsRequest())).Models.Any(model => model.Name == "sibling"));
        var aliases = await _grid.Admin.ListAliasesAsync(new ListAliasesRequest());
        Assert.Equal(("live", "tiny"), (Assert.Single(aliases.Aliases).Name, aliases.Aliases[0].Model));
    }

    [Fact]
    public async Task The_default_alias_is_what_requests_mean_that_name_no_model()
    {
        await PointAsync("default", "sibling");
        using var begun = await BeginAsync(Config(""));
        Assert.Equal("sibling", begun.Ready.Model.Name);
        var models = (await _grid.Client.ListModelsAsync(new ListModelsRequest())).Models;
        Assert.Equal("sibling", Assert.Single(models, model => model.IsDefault).Name);

        await _grid.Admin.DeleteAliasAsync(new DeleteAliasRequest { Name = "default" });
        using var later = await BeginAsync(Config("", "porch"));
        Assert.Equal("tiny", later.Ready.Model.Name);
    }

    [Fact]
    public async Task What_breaks_a_rule_is_refused()
    {
        var admin = _grid.Admin;
        await TestGrid.RefusesAsync(StatusCode.AlreadyExists, "'sibling' exists already", async () =>
            await admin.RegisterModelAsync(new RegisterModelRequest { Name = "sibling", Directory = _sibling.Folder }));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "cannot be used", async () =>
            await admin.RegisterModelAsync(new RegisterModelRequest { Name = "nothing", Directory = "/nowhere" }));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "full path", async () =>
            await admin.RegisterModelAsync(new RegisterModelRequest { Name = "nothing", Directory = "models/x" }));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "max_streams is -1", async () =>
            await admin.RegisterModelAsync(new RegisterModelRequest { Name = "nothing", Directory = "/x", MaxStreams = -1 }));
        await TestGrid.RefusesAsync(StatusCode.NotFound, "model 'other' is unknown", () => PointAsync("live", "other"));
        await TestGrid.RefusesAsync(StatusCode.NotFound, "alias 'none' is unknown", async () =>
            await admin.DeleteAliasAsync(new DeleteAliasRequest { Name = "none" }));
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "switch_model is set without model", async () =>
        {
            var config = Config("");
            config.SwitchModel = true;
            await BeginAsync(config);
        });
        using var begun = await BeginAsync(Config("tiny"));
        await TestGrid.RefusesAsync(
            StatusCode.FailedPrecondition, "model is sibling, the stream has tiny", () => BeginAsync(Config("sibling")));
    }

    private static async Task SendHalfAsync(Feed feed)
    {
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
    }

    private static StreamConfig Config(string model, string id = Yard.Id, long? fromChunk = null)
    {
        var config = Babble.Config(id);
        config.Model = model;
        if (fromChunk is { } first)
        {
            config.FromChunk = first;
        }
        return config;
    }

    private async Task PointAsync(string alias, string model) => await _grid.Admin.SetAliasAsync(new Alias { Name = alias, Model = model });

    private Task<Feed> BeginAsync(StreamConfig config) => Feed.BeginAsync(_grid.Client, config);
}
