using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Contracts;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Grains.Models;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Models;

/// <summary>A directory that an administrator names by mistake holds up nothing else.</summary>
public sealed class RegisterModelTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("dass-model-");

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("config.json")]
    public async Task Pipes_and_devices_are_not_read(string file)
    {
        await using var grid = await TestGrid.StartAsync();
        foreach (var source in Directory.GetFiles(TestGrid.TinyModel))
        {
            File.Copy(source, Path.Combine(_root.FullName, Path.GetFileName(source)));
        }
        var path = Path.Combine(_root.FullName, file);
        File.Delete(path);
        using (var made = System.Diagnostics.Process.Start("mkfifo", [path]))
        {
            await made.WaitForExitAsync();
        }
        await RefusesAsync(grid, "It is a pipe; only regular files are read.");
        File.Delete(path);
        File.CreateSymbolicLink(path, "/dev/zero");
        await RefusesAsync(grid, "It is a device; only regular files are read.");

        // A link that leads to a regular file is how Hugging Face keeps models.
        File.Delete(path);
        File.CreateSymbolicLink(path, Path.Combine(TestGrid.TinyModel, file));
        await grid.Admin.RegisterModelAsync(Request(), deadline: TestGrid.Deadline);
    }

    [Fact]
    public async Task Other_changes_go_on_while_a_model_loads_and_it_must_load_in_time()
    {
        await using var grid = await TestGrid.StartAsync(new() { ["Grid:MaxLoadTime"] = "00:00:03" });
        var models = grid.Host.Services.GetRequiredService<ModelRegistry>();
        var never = new TaskCompletionSource<StreamEngine>();
        models.Start = (_, _) => never.Task;
        var loading = grid.Admin.RegisterModelAsync(Request(), deadline: TestGrid.Deadline).ResponseAsync;
        await grid.Admin.CreateTenantAsync(new CreateTenantRequest { Name = "meanwhile" }, deadline: TestGrid.Deadline);
        Assert.False(loading.IsCompleted);
        await TestGrid.RefusesAsync(StatusCode.InvalidArgument, "was not loaded within 3 s", () => loading);

        models.Start = StreamEngine.StartAsync;
        await grid.Admin.RegisterModelAsync(Request(TestGrid.TinyModel), deadline: TestGrid.Deadline);
        Assert.Equal(2, (await grid.Client.ListModelsAsync(new ListModelsRequest())).Models.Count);
    }

    [Fact]
    public async Task A_registration_that_the_store_did_not_take_can_be_made_again()
    {
        var store = new FaultyStore();
        await using var grid = await TestGrid.StartAsync(configure: store.Wrap);
        await grid.Admin.CreateTenantAsync(new CreateTenantRequest { Name = "anne" }, deadline: TestGrid.Deadline); // the registry is there
        store.IsAway = true;
        await Assert.ThrowsAsync<RpcException>(
            async () => await grid.Admin.RegisterModelAsync(Request(TestGrid.TinyModel), deadline: TestGrid.Deadline));
        store.IsAway = false;
        await TestGrid.RefusesAsync(StatusCode.AlreadyExists, "model 'mine' exists already", async () =>
            await grid.Admin.RegisterModelAsync(Request(_root.FullName), deadline: TestGrid.Deadline));
        await grid.Admin.RegisterModelAsync(Request(TestGrid.TinyModel), deadline: TestGrid.Deadline);
        Assert.Equal(2, (await grid.Client.ListModelsAsync(new ListModelsRequest())).Models.Count);
    }

    [Fact]
    public async Task A_model_that_a_silo_cannot_serve_is_not_loaded_again_at_each_change()
    {
        await using var grid = await TestGrid.StartAsync();
        var (models, loads) = (grid.Host.Services.GetRequiredService<ModelRegistry>(), new List<string?>());
        models.Start = (options, cancellationToken) =>
        {
            loads.Add(options.ModelDirectory);
            return StreamEngine.StartAsync(options, cancellationToken);
        };
        var tiny = Assert.Single((await grid.Client.ListModelsAsync(new ListModelsRequest())).Models);
        var registry = grid.Host.Grains.GetGrain<IRegistryGrain>(0);
        await registry.RecordModel(new ModelRecord("broken", _root.FullName, tiny.Hash, 1));
        await TestGrid.UntilAsync(() => loads.Count == 1);
        await registry.RecordModel(new ModelRecord("twin", TestGrid.TinyModel, tiny.Hash, 1));
        await TestGrid.UntilAsync(() => models.All.Any(model => model.Name == "twin"));
        Assert.Equal([_root.FullName, TestGrid.TinyModel], loads);
    }

    private RegisterModelRequest Request(string? directory = null) =>
        new() { Name = "mine", Directory = directory ?? _root.FullName, MaxStreams = 1 };

    private Task RefusesAsync(TestGrid grid, string fragment) => TestGrid.RefusesAsync(
        StatusCode.InvalidArgument, fragment, async () => await grid.Admin.RegisterModelAsync(Request(), deadline: TestGrid.Deadline));
}
