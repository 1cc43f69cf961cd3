using System.Globalization;
using System.Runtime.CompilerServices;
using Dass.Grid.Host;
using Dass.Grid.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Orleans.TestingHost;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>A real grid in this process and a real client on its port.</summary>
internal sealed class TestGrid(EmbeddedGrid host) : IAsyncDisposable
{
    /// <summary>Random weights under AudioSet's 527 labels: small, and its scores differ in every chunk.</summary>
    public static readonly string TinyModel = Path.Combine(AppContext.BaseDirectory, "fixtures", "golden", "tiny");

    private readonly GrpcChannel _channel = GrpcChannel.ForAddress(host.Address);

    /// <summary>Far beyond what any test needs: what hangs fails its test.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public static DateTime Deadline => TimeProvider.System.GetUtcNow().UtcDateTime + Patience;

    public EmbeddedGrid Host => host;

    public GrpcChannel Channel => _channel;

    public Tagging.TaggingClient Client => new(_channel);

    public Admin.AdminClient Admin => new(_channel);

    public static async Task<TestGrid> StartAsync(
        Dictionary<string, string?>? settings = null, Action<WebApplicationBuilder>? configure = null)
    {
        settings ??= [];
        settings["Grid:Models:tiny:ModelDirectory"] = TinyModel;
        settings.TryAdd("Grid:Models:tiny:Threads", "1");
        return new TestGrid(await EmbeddedGrid.StartAsync(settings, configure));
    }

    /// <summary>The grid's clock stands until the test moves it; that of Orleans' own background work runs.</summary>
    public static Task<TestGrid> StartAsync(
        FakeTimeProvider time, Dictionary<string, string?> settings, Action<WebApplicationBuilder>? configure = null) =>
        StartAsync(settings, builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(time);
            builder.Services.UseTimeProviderForBackgroundAreas(TimeProvider.System);
            configure?.Invoke(builder);
        });

    /// <summary>A silo without a gateway, which has joined this grid when this returns.</summary>
    public async Task<EmbeddedGrid> StartSiloAsync(Dictionary<string, string?> settings, Action<WebApplicationBuilder>? configure = null)
    {
        settings["Grid:Role"] = "silo";
        settings["Grid:PrimarySilo"] = $"127.0.0.1:{host.SiloPort}";
        settings["Grid:Models:tiny:ModelDirectory"] = TinyModel;
        settings["Grid:Models:tiny:Threads"] = "1";
        var silo = await EmbeddedGrid.StartAsync(settings, configure);
        await ReadyAsync();
        return silo;
    }

    /// <summary>Waits until the gateway knows a silo that answers.</summary>
    public async Task ReadyAsync()
    {
        using var operations = new HttpClient { BaseAddress = host.OperationsAddress };
        await UntilAsync(async () => (await operations.GetAsync("/healthz/ready")).IsSuccessStatusCode, () => Task.Delay(10));
    }

    /// <summary>Does something until a condition holds.</summary>
    public static async Task UntilAsync(
        Func<Task<bool>> condition, Func<Task> meanwhile, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        for (var deadline = Deadline; !await condition();)
        {
            Assert.True(DateTime.UtcNow < deadline, $"After {Patience.TotalSeconds} s it is not so: {what}");
            await meanwhile();
        }
    }

    public static Task UntilAsync(
        Func<bool> condition, Func<Task> meanwhile, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        UntilAsync(() => Task.FromResult(condition()), meanwhile, what);

    /// <summary>Asks often until a condition holds that time alone brings about.</summary>
    public static Task UntilAsync(Func<Task<bool>> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        UntilAsync(condition, () => Task.Delay(20), what);

    public static Task UntilAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        UntilAsync(() => Task.FromResult(condition()), what);

    /// <summary>Sum of a metric over its tags, as an operator sees it. One that is not there is no 0.</summary>
    public async Task<double> MetricAsync(string name)
    {
        using var operations = new HttpClient { BaseAddress = host.OperationsAddress };
        var lines = (await operations.GetStringAsync("/metrics")).Split('\n')
            .Where(line => line.StartsWith(name + "{", StringComparison.Ordinal) || line.StartsWith(name + " ", StringComparison.Ordinal))
            .ToArray();
        Assert.True(lines.Length > 0, $"{name} is no metric of this grid.");
        return lines.Sum(line => double.Parse(line.Split('}')[^1].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await host.DisposeAsync();
    }

    /// <summary>Stops a grid whose clock stands: it pauses while it stops.</summary>
    public async Task StopAsync(FakeTimeProvider time)
    {
        var stopping = DisposeAsync().AsTask();
        await UntilAsync(() => stopping.IsCompleted, () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return Task.WhenAny(stopping, Task.Delay(20));
        });
        await stopping;
    }

    /// <summary>Asserts that a call ends with a status whose message holds the fragment.</summary>
    public static async Task RefusesAsync(StatusCode code, string fragment, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(
            refusal.StatusCode == code && refusal.Status.Detail.Contains(fragment, StringComparison.Ordinal),
            $"Expected {code} with '{fragment}', got {refusal.StatusCode}: {refusal.Status.Detail}");
    }
}

/// <summary>One grid for all tests that leave no trace beyond their own streams.</summary>
public sealed class SharedGrid : IAsyncLifetime
{
    internal TestGrid Grid { get; private set; } = null!;

    internal Tagging.TaggingClient Client => Grid.Client;

    public async Task InitializeAsync() => Grid = await TestGrid.StartAsync();

    public async Task DisposeAsync() => await Grid.DisposeAsync();
}

[CollectionDefinition(Name)]
public sealed class SharedGridCollection : ICollectionFixture<SharedGrid>
{
    public const string Name = "shared grid";
}
