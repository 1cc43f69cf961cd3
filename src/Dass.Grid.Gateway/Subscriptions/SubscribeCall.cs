using System.Diagnostics;
using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.V1;
using Duration = Google.Protobuf.WellKnownTypes.Duration;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>One subscriber, of one stream until that ends, or of several until the call does.</summary>
/// <param name="services">Of the gateway.</param>
/// <param name="call">Who subscribes.</param>
/// <param name="request">To what.</param>
/// <param name="since">
/// When a subscription that broke was last served: streams that have begun since are sent from their first chunk; with several, ended ones
/// of before that have no cursor are over. Null: it begins now.
/// </param>
/// <param name="responses">Takes the answers.</param>
/// <param name="cancellationToken">Ends it.</param>
internal sealed class SubscribeCall(
    SubscriptionServices services,
    CallState call,
    SubscribeRequest request,
    DateTimeOffset? since,
    IServerStreamWriter<SubscribeResponse> responses,
    CancellationToken cancellationToken)
{
    private const int MaxIds = 1_000;
    private const int YoungChunks = 128; // before a stream's first checkpoint, with room
    private static readonly TimeSpan Discovery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StorePause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestInterval = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestAbsence = TimeSpan.FromDays(366);

    private readonly SemaphoreSlim _writing = new(1);
    private readonly HashSet<string> _ids = new(request.StreamIds, StringComparer.Ordinal);

    private readonly GridAccess _grid = services.Grid;

    /// <summary>When the call before this one was last served, as its client says.</summary>
    public static DateTimeOffset? Since(GridAccess grid, SubscribeRequest request)
    {
        if (request.Away is not { } away)
        {
            return null;
        }
        return IsWithin(away, LongestAbsence)
            ? grid.Time.GetUtcNow() - away.ToTimeSpan()
            : throw ProtocolErrors.Away(Seconds(away), LongestAbsence);
    }

    /// <param name="begin">Sends the headers, so that the client sees that the call is served before the first stream begins.</param>
    public async Task RunAsync(Func<Task> begin)
    {
        Check();
        if (request.StreamId.Length == 0)
        {
            await services.Cards.CheckLabelsAsync("filter.labels", request.Filter?.Labels ?? []);
        }
        var quota = await services.Quotas.AcquireSubscriberAsync(call.Caller, cancellationToken);
        _grid.Instruments.OnSubscribed();
        Activity.Current = null; // the call has no end; its trace must have one
        try
        {
            if (request.StreamId.Length > 0)
            {
                var id = call.Scope(request.StreamId);
                await Subscriber(id, begun => FromChunk(id.Name, isNew: begun >= since), cancellationToken).RunAsync();
            }
            else
            {
                await begin();
                await SubscribeToAllAsync();
            }
        }
        finally
        {
            _grid.Instruments.OnUnsubscribed();
            quota.ReleaseSubscriber();
            _writing.Dispose();
        }
    }

    private void Check()
    {
        bool[] selections = [request.StreamId.Length > 0, request.StreamIds.Count > 0, request.Prefix.Length > 0, request.AllStreams];
        var ways = selections.Count(isSet => isSet);
        if (ways == 0)
        {
            throw ProtocolErrors.StreamId("");
        }
        if (ways > 1)
        {
            throw ProtocolErrors.Selection();
        }
        foreach (var name in request.StreamIds.Concat(request.Cursors.Keys).Concat(request.Prefix.Length > 0 ? [request.Prefix] : []))
        {
            call.Scope(name);
        }
        if (request.StreamIds.Count > MaxIds)
        {
            throw ProtocolErrors.TooManyIds("stream_ids", request.StreamIds.Count, MaxIds);
        }
        // Of the streams that there may be, and of others that are gone by now.
        if (request.Cursors.Count > MaxIds + _grid.Options.SubscriptionStreams)
        {
            throw ProtocolErrors.TooManyIds("cursors", request.Cursors.Count, MaxIds + _grid.Options.SubscriptionStreams);
        }
        if (request is { HasFromChunk: true, FromChunk: < 0 })
        {
            throw ProtocolErrors.FromChunk(request.FromChunk);
        }
        if (request.Cursors.Values.FirstOrDefault(chunk => chunk < 0) is < 0 and var cursor)
        {
            throw ProtocolErrors.FromChunk(cursor);
        }
        if (request.MinInterval is { } interval && !IsWithin(interval, LongestInterval))
        {
            throw ProtocolErrors.MinInterval(Seconds(interval));
        }
        if (!Enum.IsDefined(request.Slow))
        {
            throw ProtocolErrors.Slow((int)request.Slow);
        }
        ScoreView.Check(request.Filter);
    }

    private static bool IsWithin(Duration span, TimeSpan most) =>
        span.Seconds >= 0 && span.Seconds <= most.TotalSeconds && span.Nanos is >= 0 and <= 999_999_999 && span.ToTimeSpan() <= most;

    private static double Seconds(Duration span) => span.Seconds + span.Nanos / 1e9;

    /// <summary>Subscribes to each wanted stream as soon as its tenant lists it.</summary>
    private async Task SubscribeToAllAsync()
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (subscribers, seen) = (new List<Task>(), new SeenStreams(_grid.Time));
        var (subscribed, maxAge) = (since ?? _grid.Time.GetUtcNow(), TimeSpan.Zero);
        using var timer = new PeriodicTimer(Discovery, _grid.Time);
        try
        {
            do
            {
                var listings = await Recovery.AskAsync(_grid, () => services.Listings.ListAsync(call.Tenant, maxAge), ending.Token);
                foreach (var listing in listings)
                {
                    var isNew = listing.Begun >= subscribed;
                    var from = FromChunk(listing.Name, isNew);
                    var hasCursor = request.Cursors.ContainsKey(listing.Name);
                    var isOver = listing.Ended && !isNew && (from is null || (since is not null && !hasCursor)); // nothing of it is wanted
                    if (IsWanted(listing.Name) && !isOver && !seen.Contains(listing))
                    {
                        subscribers.RemoveAll(subscriber => subscriber.IsCompletedSuccessfully);
                        if (subscribers.Count >= _grid.Options.SubscriptionStreams)
                        {
                            throw ProtocolErrors.TooManyStreams(_grid.Options.SubscriptionStreams);
                        }
                        var next = SubscribeToAsync(listing, from, ending.Token);
                        subscribers.Add(next);
                        seen.Add(listing, next);
                    }
                }
                seen.RemoveOld();
                maxAge = Discovery / 2; // a list that another subscription has asked for is as good
            }
            while (!subscribers.Any(subscriber => subscriber.IsFaulted) && await timer.WaitForNextTickAsync(ending.Token));
            await Task.WhenAll(subscribers.Where(subscriber => subscriber.IsFaulted)); // which throws
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(subscribers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>When the stream had begun that was followed to its end; null: it was not there.</returns>
    private async Task<DateTimeOffset?> SubscribeToAsync(StreamListing listing, long? from, CancellationToken ending)
    {
        var subscriber = Subscriber(new StreamId(call.Tenant, listing.Name), _ => from, ending);
        try
        {
            return await subscriber.RunAsync();
        }
        catch (RpcException gone) when (gone.StatusCode == StatusCode.NotFound && !subscriber.Found)
        {
            return null; // forgotten since it was listed, or lost with its silo: the others go on
        }
        catch (RpcException asleep) when (asleep.StatusCode == StatusCode.Unavailable && !subscriber.Found)
        {
            await Task.Delay(StorePause, _grid.Time, ending); // there may be thousands in a store that is away
            return null;
        }
    }

    private StreamSubscriber Subscriber(StreamId id, Func<DateTimeOffset, long?> from, CancellationToken ending) =>
        new(services, id, request, from, message => WriteAsync(id.Name, message), ending);

    private bool IsWanted(string name) => request.AllStreams
        || (request.Prefix.Length > 0 ? name.StartsWith(request.Prefix, StringComparison.Ordinal) : _ids.Contains(name));

    /// <summary>A young stream that its silo's death has taken begins again as the same one; another begin is another stream.</summary>
    private long? FromChunk(string name, bool isNew)
    {
        var hasCursor = request.Cursors.TryGetValue(name, out var cursor);
        return isNew && (since is null || !hasCursor || cursor > YoungChunks) ? 0
            : hasCursor ? cursor
            : request.HasFromChunk ? request.FromChunk : null;
    }

    private async Task WriteAsync(string stream, SubscribeResponse message)
    {
        message.StreamId = stream;
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await responses.WriteAsync(message, cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }
}
