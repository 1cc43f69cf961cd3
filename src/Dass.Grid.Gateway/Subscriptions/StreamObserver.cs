using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>
/// This gateway's one observer of a stream, shared by all its subscribers here. Membership changes under the lock of <see
/// cref="StreamObservers"/>.
/// </summary>
internal sealed partial class StreamObserver : ITagObserver
{
    /// <summary>Messages may be on their way when the last subscriber leaves: for longer than any takes.</summary>
    private static readonly TimeSpan Linger = TimeSpan.FromMinutes(1);

    private readonly IGrainFactory _grains;
    private readonly ILogger _logger;
    private readonly ITagObserver _reference;
    private readonly PeriodicTimer _renewal;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;
    private long? _unknownSince; // as the clock's timestamp
    private (long From, long To, long NextChunk)? _gap; // the last that has been delivered, or was there before the first subscriber
    private ModelSummary? _model; // of the stream, as far as the subscribers have been told
    private string? _lost; // event of a lost source that has been delivered last
    private readonly Lock _gate = new();
    private bool _subscribed;

    // Replaced as a whole, so that delivery needs no lock.
    private volatile SubscriberQueue[] _subscribers = [];

    public StreamObserver(StreamId id, IGrainFactory grains, GatewayOptions options, TimeProvider time, ILogger logger)
    {
        Id = id;
        _grains = grains;
        _logger = logger;
        _reference = grains.CreateObjectReference<ITagObserver>(this);
        _renewal = new PeriodicTimer(options.LeaseRenewal, time);
        (_patience, _time) = (options.RecoveryPatience, time);
        _ = KeepAsync();
    }

    public StreamId Id { get; }

    /// <summary>Chunks that wait for the slowest of its subscribers.</summary>
    public int Depth => _subscribers.Length == 0 ? 0 : _subscribers.Max(queue => queue.Count);

    public bool IsEmpty => _subscribers.Length == 0;

    private IStreamGrain Stream => _grains.GetGrain<IStreamGrain>(Id.ToString());

    public void Add(SubscriberQueue queue) => _subscribers = [.. _subscribers, queue];

    public void Remove(SubscriberQueue queue) => _subscribers = [.. _subscribers.Where(other => other != queue)];

    /// <summary>Takes or renews the lease; from the answer's next chunk on, chunks and gaps arrive.</summary>
    public async Task<Outcome<StreamStatus>> SubscribeAsync()
    {
        var status = await Stream.Subscribe(_reference);
        lock (_gate)
        {
            if (!_subscribed && status.Value is { } known)
            {
                (_gap, _subscribed) = (PlaceOf(known.Gap), true);
                _model ??= known.Shape.Model;
            }
        }
        return status;
    }

    public Task OnTags(ChunkTags[] tags)
    {
        var trace = Activity.Current?.Context ?? default;
        foreach (var queue in _subscribers)
        {
            foreach (var chunk in tags)
            {
                queue.Offer(chunk, trace);
            }
        }
        return Task.CompletedTask;
    }

    public Task OnGap(StreamGap gap)
    {
        lock (_gate)
        {
            if (PlaceOf(gap) == _gap)
            {
                return Task.CompletedTask; // message and renewal both bring it
            }
            (_gap, _subscribed) = (PlaceOf(gap), true);
        }
        foreach (var queue in _subscribers)
        {
            queue.Offer(gap);
        }
        return Task.CompletedTask;
    }

    public Task OnModel(ModelChange change)
    {
        lock (_gate)
        {
            _model = change.Model;
        }
        foreach (var queue in _subscribers)
        {
            queue.Offer(change);
        }
        return Task.CompletedTask;
    }

    public Task OnLost(SoundEvent opened, long nextChunk)
    {
        lock (_gate)
        {
            if (opened.Id == _lost)
            {
                return Task.CompletedTask; // as long as the source is away each renewal brings it
            }
            _lost = opened.Id;
        }
        foreach (var queue in _subscribers)
        {
            queue.Offer(opened, nextChunk);
        }
        return Task.CompletedTask;
    }

    public Task OnEnded(StreamEnd end)
    {
        foreach (var queue in _subscribers)
        {
            queue.Complete(end);
        }
        return Task.CompletedTask;
    }

    /// <summary>The last subscriber has left.</summary>
    public async Task StopAsync()
    {
        _renewal.Dispose();
        try
        {
            await Stream.Unsubscribe(_reference);
        }
        catch (Exception failure)
        {
            // The lease lapses by itself.
            LogUnreachable(Id, failure);
        }
        _ = DeleteLaterAsync();
    }

    // A message that finds no target is an error in Orleans' log, and clients must not be able to write one.
    private async Task DeleteLaterAsync()
    {
        await Task.Delay(Linger, _time);
        try
        {
            _grains.DeleteObjectReference<ITagObserver>(_reference);
        }
        catch (Exception stopped) when (stopped is InvalidOperationException or ObjectDisposedException)
        {
            // The gateway has stopped meanwhile, and its references with it.
        }
    }

    private static (long From, long To, long NextChunk)? PlaceOf(StreamGap? gap) =>
        gap is null ? null : (gap.FromSample, gap.ToSample, gap.NextChunk);

    private async Task KeepAsync()
    {
        Activity.Current = null; // the first subscriber's call is not the cause of what all share
        while (await _renewal.WaitForNextTickAsync())
        {
            try
            {
                // One-way messages may be lost, and a stream that came back on another silo has no lease of this observer: each renewal
                // reports how far the stream is.
                var model = _model;
                await UpdateAsync(await Stream.Subscribe(_reference), model);
            }
            catch (Exception failure)
            {
                LogUnreachable(Id, failure);
            }
        }
    }

    /// <param name="status">What the renewal has brought.</param>
    /// <param name="model">The stream's, as far as it had been told before the renewal: a change that is told meanwhile is newer.</param>
    private async Task UpdateAsync(Outcome<StreamStatus> status, ModelSummary? model)
    {
        if (!status.Has(out var known, out var refusal))
        {
            // Its feeding client may be about to begin it again. A store that is away says nothing of it.
            _unknownSince = refusal.Code == RefusalCode.UnknownStream ? _unknownSince ?? _time.GetTimestamp() : null;
            if (_unknownSince is { } since && _time.GetElapsedTime(since) >= _patience)
            {
                await OnEnded(new StreamEnd(StreamEndReason.Lost, new HeardSummary(0, 0, [], [])));
            }
            return;
        }
        _unknownSince = null;
        if (model is not null && model == _model && model.Hash != known.Shape.Model.Hash)
        {
            await OnModel(new ModelChange(model, known.Shape.Model, known.NextChunk, []));
        }
        if (known.Gap is { } gap)
        {
            await OnGap(gap);
        }
        if (known.Lost is { } lost)
        {
            await OnLost(lost, known.NextChunk);
        }
        foreach (var queue in _subscribers)
        {
            queue.Remind(known.NextChunk);
        }
        if (known.End is { } end)
        {
            await OnEnded(end);
        }
    }
}
