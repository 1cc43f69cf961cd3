using System.Diagnostics;
using Dass.Grid.Client;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Soak;

/// <summary>Streams, their listeners and the host's memory, from the first stream to the comparison of the books.</summary>
internal sealed class SoakRun(SoakOptions options, HostProcess host)
{
    private const string Key = "soak-key-of-tenant-";
    private static readonly TimeSpan Sample = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60); // for the books, which are told now and then

    private readonly List<Held> _held = [];
    private readonly long _began = Stopwatch.GetTimestamp();

    /// <summary>Those of the host: keys and room for all.</summary>
    public static Dictionary<string, string> Settings(SoakOptions options, string directory)
    {
        var settings = new Dictionary<string, string>
        {
            ["Grid:StoreDirectory"] = directory,
            ["Grid:Models:built-in:MaxStreams"] = $"{options.Streams + options.Streams / 10 + 1}", // a stream may end a little after the next has begun
        };
        for (var tenant = 0; tenant < options.Tenants; tenant++)
        {
            settings[$"Tenants:tenant{tenant}:KeyHashes:0"] = KeyHash.Create(Key + tenant).ToString();
        }
        return settings;
    }

    /// <param name="onMinute">Told once a minute.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<SoakResult> RunAsync(Action<Minute> onMinute, CancellationToken cancellationToken)
    {
        GridClient[] grids = [.. Enumerable.Range(0, options.Tenants).Select(tenant => new GridClient(host.Address, Key + tenant))];
        Account[] accounts = [.. Enumerable.Range(0, options.Tenants).Select(tenant => new Account($"tenant{tenant}"))];
        var began = TimeProvider.System.GetUtcNow();
        var over = Task.Delay(TimeSpan.FromMinutes(options.Minutes), cancellationToken);

        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Listener[][] listeners = [.. grids.Select((grid, tenant) => Listeners(grid, accounts[tenant], tenant))];
        var listening = listeners.SelectMany(ears => ears).Select(ear => ear.RunAsync(silence.Token)).ToArray();
        var feeding = Enumerable.Range(0, options.Streams).Select(async place =>
        {
            await Task.WhenAny(over, Task.Delay(options.Chunk * 20 * place / options.Streams, cancellationToken)); // chunks are not due all at once
            await new Feeder(grids[place % options.Tenants], accounts[place % options.Tenants], place, options, over).RunAsync(cancellationToken);
        }).ToArray();

        await WatchAsync(accounts, over, onMinute, cancellationToken);
        await Task.WhenAll(feeding);
        var books = new List<Books>();
        for (var tenant = 0; tenant < options.Tenants; tenant++)
        {
            books.Add(await CompareAsync(grids[tenant], accounts[tenant], listeners[tenant], began, cancellationToken));
        }
        await silence.CancelAsync();
        await Task.WhenAll(listening);
        Array.ForEach(grids, grid => grid.Dispose());
        return new SoakResult(options, _held, books, host.Complaints, accounts.SelectMany(account => account.Failures()).GroupBy(failure => failure.Key)
            .ToDictionary(failure => failure.Key, failure => failure.Sum(count => count.Value)));
    }

    private static Listener[] Listeners(GridClient grid, Account account, int tenant) =>
    [
        new(grid, account, new SubscribeRequest { AllStreams = true, EventsOnly = true, FromChunk = 0 }, breaks: false, tenant),
        new(grid, account, new SubscribeRequest
        {
            Prefix = "place-", FromChunk = 0, Slow = SlowPolicy.KeepEvents, MinInterval = TimeSpan.FromSeconds(5).ToDuration(), Filter = new TagFilter { Top = 3 },
        }, breaks: true, tenant),
    ];

    private async Task WatchAsync(Account[] accounts, Task over, Action<Minute> onMinute, CancellationToken cancellationToken)
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
                    held, accounts.Sum(account => account.Streams), accounts.Sum(account => account.Events), accounts.Sum(account => account.Breaks),
                    accounts.Sum(account => account.Refusals), accounts.Max(account => account.TakeLongestWait()), (nowWorked - worked) / TimeSpan.FromMinutes(1),
                    (nowOwn - own) / TimeSpan.FromMinutes(1)));
                (worked, own) = (nowWorked, nowOwn);
            }
        }
    }

    /// <summary>Asks until the grid's books say what the clients' do, or for as long as the patience lasts.</summary>
    private static async Task<Books> CompareAsync(GridClient grid, Account account, Listener[] listeners, DateTimeOffset began, CancellationToken cancellationToken)
    {
        var asked = Stopwatch.GetTimestamp();
        while (true)
        {
            var usage = await grid.Tagging.GetUsageAsync(new GetUsageRequest(), cancellationToken: cancellationToken);
            var books = new Books(
                account.Tenant,
                account.AudioSeconds, usage.Models.Sum(model => model.AudioSeconds),
                account.Streams, usage.Models.Sum(model => model.Streams),
                account.Events, usage.Models.Sum(model => model.Events), await KeptAsync(grid, began, cancellationToken),
                [.. listeners.Select(listener => listener.Events)], listeners.Sum(listener => listener.Dropped),
                account.Breaks, account.Interruptions, account.Refusals, account.Astray);
            if (books.AreExact || Stopwatch.GetElapsedTime(asked) > Patience)
            {
                return books;
            }
            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        }
    }

    private static async Task<long> KeptAsync(GridClient grid, DateTimeOffset began, CancellationToken cancellationToken)
    {
        var request = new ListEventsRequest
        {
            Selection = new EventSelection { From = began.AddMinutes(-1).ToTimestamp(), To = TimeProvider.System.GetUtcNow().AddMinutes(1).ToTimestamp() },
            PageSize = 1_000,
        };
        var kept = 0L;
        do
        {
            var page = await grid.Tagging.ListEventsAsync(request, cancellationToken: cancellationToken);
            kept += page.Events.Count;
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return kept;
    }
}

/// <summary>How the run stands.</summary>
/// <param name="Held">Memory of the host.</param>
/// <param name="Streams">Begun so far.</param>
/// <param name="Events">Closings so far.</param>
/// <param name="Breaks">Calls broken off so far.</param>
/// <param name="Refusals">Streams that were not let in so far.</param>
/// <param name="LongestWait">Of a step for the device, in this minute.</param>
/// <param name="HostCores">Processor cores that the host has kept busy.</param>
/// <param name="ClientCores">And this process.</param>
internal sealed record Minute(Held Held, long Streams, long Events, long Breaks, long Refusals, TimeSpan LongestWait, double HostCores, double ClientCores);
