using System.Diagnostics;
using Dass.Grid.Client;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Soak;

/// <summary>Streams, their subscribers and the host's memory, from the first stream to the comparison of usage.</summary>
internal sealed class SoakRun(SoakOptions options, HostProcess host)
{
    private const string Key = "soak-key-of-tenant-";
    private static readonly TimeSpan Sample = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60); // for usage records, which streams report to now and then

    private readonly List<Held> _held = [];
    private readonly long _began = Stopwatch.GetTimestamp();

    /// <summary>Settings of the host: keys and room for all streams.</summary>
    public static Dictionary<string, string> Settings(SoakOptions options, string directory)
    {
        var settings = new Dictionary<string, string>
        {
            ["Grid:StoreDirectory"] = directory,
            // A stream may end a little after the next has begun, and an attacker takes what he can get.
            ["Grid:Models:built-in:MaxStreams"] =
                $"{options.Streams + options.Streams / 10 + 1 + (options.Attack ? Attack.MaxStreams : 0)}",
        };
        if (options.Attack)
        {
            Attack.AddTo(settings); // with a limit: how a tenant without one shares the slots is not the question here
        }
        for (var tenant = 0; tenant < options.Tenants; tenant++)
        {
            settings[$"Tenants:tenant{tenant}:KeyHashes:0"] = KeyHash.Create(Key + tenant).ToString();
        }
        return settings;
    }

    /// <param name="onMinute">Called once a minute.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<SoakResult> RunAsync(Action<Minute> onMinute, CancellationToken cancellationToken)
    {
        GridClient[] grids = [.. Enumerable.Range(0, options.Tenants).Select(tenant => new GridClient(host.Address, Key + tenant))];
        ClientTally[] tallies = [.. Enumerable.Range(0, options.Tenants).Select(tenant => new ClientTally($"tenant{tenant}"))];
        var began = TimeProvider.System.GetUtcNow();
        var over = Task.Delay(TimeSpan.FromMinutes(options.Minutes), cancellationToken);
        var phases = new Phases(TimeSpan.FromMinutes(options.Minutes));
        var attack = new Attack(host);
        var settling = phases.SettleAsync(host, cancellationToken);
        var attacking = options.Attack ? AttackAsync(attack, phases, cancellationToken) : Task.CompletedTask;

        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Subscriber[][] subscribers = [.. grids.Select((grid, tenant) => Subscribers(grid, tallies[tenant], tenant))];
        var subscribing = subscribers.SelectMany(each => each).Select(subscriber => subscriber.RunAsync(silence.Token)).ToArray();
        var feeding = Enumerable.Range(0, options.Streams).Select(async place =>
        {
            // chunks are not due all at once
            await Task.WhenAny(over, Task.Delay(options.Chunk * 20 * place / options.Streams, cancellationToken));
            await new Feeder(
                grids[place % options.Tenants], tallies[place % options.Tenants], phases, place, options, over)
                .RunAsync(cancellationToken);
        }).ToArray();

        await WatchAsync(tallies, over, onMinute, cancellationToken);
        await Task.WhenAll(feeding);
        await attacking;
        await settling;
        var usage = new List<TenantUsage>();
        for (var tenant = 0; tenant < options.Tenants; tenant++)
        {
            usage.Add(await CompareAsync(grids[tenant], tallies[tenant], subscribers[tenant], began, cancellationToken));
        }
        await silence.CancelAsync();
        await Task.WhenAll(subscribing);
        Array.ForEach(grids, grid => grid.Dispose());
        var failures = tallies.SelectMany(tally => tally.Failures()).GroupBy(failure => failure.Key)
            .ToDictionary(failure => failure.Key, failure => failure.Sum(count => count.Value));
        return new SoakResult(options, _held, usage, host.Complaints, failures, phases.Close(_held), attack.Ends);
    }

    private static async Task AttackAsync(Attack attack, Phases phases, CancellationToken cancellationToken)
    {
        await Task.Delay(phases.AttackFrom, cancellationToken);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        over.CancelAfter(phases.AttackUntil - phases.AttackFrom);
        await attack.RunAsync(over.Token);
    }

    private static Subscriber[] Subscribers(GridClient grid, ClientTally tally, int tenant) =>
    [
        new(grid, tally, new SubscribeRequest { AllStreams = true, EventsOnly = true, FromChunk = 0 }, breaks: false, tenant),
        new(grid, tally, new SubscribeRequest
        {
            Prefix = "place-", FromChunk = 0, Slow = SlowPolicy.KeepEvents, MinInterval = TimeSpan.FromSeconds(5).ToDuration(),
            Filter = new TagFilter { Top = 3 },
        }, breaks: true, tenant),
    ];

    private async Task WatchAsync(ClientTally[] tallies, Task over, Action<Minute> onMinute, CancellationToken cancellationToken)
    {
        var (minute, worked, own) = (1, host.Worked, Environment.CpuUsage.TotalTime);
        while (!over.IsCompleted)
        {
            await Task.WhenAny(over, Task.Delay(Sample, cancellationToken));
            var elapsed = Stopwatch.GetElapsedTime(_began);
            var held = new Held(
                elapsed.TotalSeconds, host.Resident, await host.MetricAsync("dotnet_gc_last_collection_heap_size_bytes", cancellationToken),
                await host.MetricAsync("dass_streams_live", cancellationToken));
            _held.Add(held);
            if (elapsed.TotalMinutes >= minute)
            {
                minute++;
                var (nowWorked, nowOwn) = (host.Worked, Environment.CpuUsage.TotalTime);
                onMinute(new Minute(
                    held, tallies.Sum(tally => tally.Streams), tallies.Sum(tally => tally.Events), tallies.Sum(tally => tally.Breaks),
                    tallies.Sum(tally => tally.Refusals), tallies.Max(
                        tally => tally.TakeLongestWait()), (nowWorked - worked) / TimeSpan.FromMinutes(1),
                    (nowOwn - own) / TimeSpan.FromMinutes(1)));
                (worked, own) = (nowWorked, nowOwn);
            }
        }
    }

    /// <summary>Asks until the grid's records say what the clients' tallies do, or for as long as the patience lasts.</summary>
    private static async Task<TenantUsage> CompareAsync(
        GridClient grid, ClientTally tally, Subscriber[] subscribers, DateTimeOffset began, CancellationToken cancellationToken)
    {
        var asked = Stopwatch.GetTimestamp();
        while (true)
        {
            var recorded = await grid.Tagging.GetUsageAsync(new GetUsageRequest(), cancellationToken: cancellationToken);
            var usage = new TenantUsage(
                tally.Tenant,
                tally.AudioSeconds, recorded.Models.Sum(model => model.AudioSeconds),
                tally.Streams, recorded.Models.Sum(model => model.Streams),
                tally.Events, recorded.Models.Sum(model => model.Events), await LoggedAsync(grid, began, cancellationToken),
                [.. subscribers.Select(subscriber => subscriber.Events)], subscribers.Sum(subscriber => subscriber.Dropped),
                tally.Breaks, tally.Interruptions, tally.Refusals, tally.Astray);
            if (usage.IsExact || Stopwatch.GetElapsedTime(asked) > Patience)
            {
                return usage;
            }
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        }
    }

    private static async Task<long> LoggedAsync(GridClient grid, DateTimeOffset began, CancellationToken cancellationToken)
    {
        var request = new ListEventsRequest
        {
            Selection = new EventSelection
            {
                From = began.AddMinutes(-1).ToTimestamp(),
                To = TimeProvider.System.GetUtcNow().AddMinutes(1).ToTimestamp(),
            },
            PageSize = 1_000,
        };
        var logged = 0L;
        do
        {
            var page = await grid.Tagging.ListEventsAsync(request, cancellationToken: cancellationToken);
            logged += page.Events.Count;
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return logged;
    }
}

/// <summary>How the run stands.</summary>
/// <param name="Held">Memory of the host.</param>
/// <param name="Streams">Begun so far.</param>
/// <param name="Events">Closings so far.</param>
/// <param name="Breaks">Calls broken off so far.</param>
/// <param name="Refusals">Streams that the grid has refused so far.</param>
/// <param name="LongestWait">Of a step for the device, in this minute.</param>
/// <param name="HostCores">Processor cores that the host has logged busy.</param>
/// <param name="ClientCores">And this process.</param>
internal sealed record Minute(
    Held Held, long Streams, long Events, long Breaks, long Refusals, TimeSpan LongestWait, double HostCores, double ClientCores);
