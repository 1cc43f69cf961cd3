using System.Globalization;
using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Subscriptions;
using Dass.Grid.V1;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// A subscription as server-sent events: <c>event</c> is the kind of answer (subscribed, tags, dropped, gap, newModel, events, passed,
/// ended, error), <c>data</c> the SubscribeResponse in JSON, <c>id</c> the time and the cursors of what is not over, from which a browser
/// that comes back goes on: <c>@ms,stream:chunk,…</c>.
/// </summary>
internal sealed class EventStream(
    HttpContext http, TimeProvider time, CancellationToken cancellationToken) : IServerStreamWriter<SubscribeResponse>
{
    /// <summary>
    /// Streams whose cursors an id holds: it comes back in a header. With more the id is empty, and a browser that comes back begins anew.
    /// </summary>
    private const int MaxCursors = 32;
    private const string Over = "ended";
    private const char Time = '@';
    private static readonly long LastTime = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    private readonly SemaphoreSlim _writing = new(1);
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Dictionary<string, long> _cursors = new(StringComparer.Ordinal); // of streams that are not over
    private bool _single;
    private long? _fromChunk; // as it was asked for

    public WriteOptions? WriteOptions { get; set; }

    public static async Task RunAsync(HttpContext http)
    {
        var guard = http.RequestServices.GetRequiredService<CallGuard>();
        var subscriptions = http.RequestServices.GetRequiredService<SubscriptionServices>();
        using var call = new CallState("Subscribe");
        using var ending = guard.Ending(call, http.RequestAborted);
        var events = new EventStream(http, subscriptions.Grid.Time, ending.Token);
        try
        {
            await guard.RunAsync(http, call, isAdmin: false, async () =>
            {
                await events.RunAsync(subscriptions, call);
                return true;
            });
        }
        catch (RpcException failure) when (!http.Response.HasStarted)
        {
            await HttpRefusals.AnswerAsync(http, failure);
        }
        catch (RpcException failure)
        {
            await events.FailAsync(failure);
        }
    }

    public Task WriteAsync(SubscribeResponse message) => WriteAsync(message, cancellationToken);

    public Task WriteAsync(SubscribeResponse message, CancellationToken cancellation)
    {
        switch (message)
        {
            case { Subscribed: { } subscribed }:
                _cursors.TryAdd(message.StreamId, _fromChunk ?? subscribed.NextChunk);
                break;
            case { Tags: { } tags }:
                _cursors[message.StreamId] = tags.Chunk + 1;
                break;
            case { Gap: { } gap }:
                _cursors[message.StreamId] = gap.NextChunk;
                break;
            case { Passed: { } passed }:
                _cursors[message.StreamId] = passed.NextChunk;
                break;
            case { Dropped: { } dropped } when _cursors.TryGetValue(message.StreamId, out var cursor):
                _cursors[message.StreamId] = cursor + dropped.Chunks; // at most: of chunks without events nothing is written
                break;
            case { Ended: not null }:
                _cursors.Remove(message.StreamId);
                break;
        }
        var kind = $"{message.ResponseCase}";
        kind = $"{char.ToLowerInvariant(kind[0])}{kind[1..]}";
        var id = _single && message.Ended is not null ? Over : _cursors.Count > MaxCursors ? "" : Cursors();
        return WriteAsync($"id: {id}\nevent: {kind}\ndata: {WebText.ToJson(message)}\n\n", cancellation);
    }

    private string Cursors() => string.Join(
        ',',
        _cursors.Select(cursor => $"{cursor.Key}:{cursor.Value}").Prepend($"{Time}{time.GetUtcNow().ToUnixTimeMilliseconds()}"));

    private async Task RunAsync(SubscriptionServices subscriptions, CallState call)
    {
        var request = new WebQuery(http.Request.Query).Subscribe();
        _single = request.StreamId.Length > 0;
        _fromChunk = request.HasFromChunk ? request.FromChunk : null;
        var since = default(DateTimeOffset?);
        if (http.Request.Headers["Last-Event-ID"].ToString() is { Length: > 0 } last)
        {
            if (last == Over)
            {
                http.Response.StatusCode = StatusCodes.Status204NoContent; // a browser does not come again after it
                return;
            }
            since = Resume(request, last);
        }
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var keeping = KeepAliveAsync(silence.Token);
        try
        {
            await new SubscribeCall(subscriptions, call, request, since, this, cancellationToken).RunAsync(BeginAsync);
        }
        finally
        {
            await silence.CancelAsync();
            await keeping;
        }
    }

    private DateTimeOffset Resume(SubscribeRequest request, string last)
    {
        var parts = last.Split(',');
        if (!(parts[0].StartsWith(Time)
            && long.TryParse(parts[0].AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var since)
            && since <= LastTime))
        {
            throw ProtocolErrors.Query("Last-Event-ID", last, "an id that an event had");
        }
        foreach (var cursor in parts.Skip(1))
        {
            var colon = cursor.LastIndexOf(':');
            if (colon < 1 || !long.TryParse(cursor.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var chunk))
            {
                throw ProtocolErrors.Query("Last-Event-ID", last, "an id that an event had");
            }
            request.Cursors[cursor[..colon]] = chunk;
            _cursors[cursor[..colon]] = chunk;
        }
        return DateTimeOffset.FromUnixTimeMilliseconds(since);
    }

    private async Task BeginAsync()
    {
        if (_begun.TrySetResult())
        {
            http.Response.ContentType = "text/event-stream";
            http.Response.Headers.CacheControl = "no-store";
            await http.Response.Body.FlushAsync(cancellationToken);
        }
    }

    private async Task WriteAsync(string text, CancellationToken cancellation)
    {
        await _writing.WaitAsync(cancellation);
        try
        {
            await BeginAsync();
            await http.Response.Body.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text), cancellation);
            await http.Response.Body.FlushAsync(cancellation);
        }
        finally
        {
            _writing.Release();
        }
    }

    // Proxies between client and gateway end connections that are silent for long.
    private async Task KeepAliveAsync(CancellationToken ending)
    {
        try
        {
            await _begun.Task.WaitAsync(ending);
            using var timer = new PeriodicTimer(Silence, time);
            while (await timer.WaitForNextTickAsync(ending))
            {
                await WriteAsync(":\n\n", ending);
            }
        }
        catch (Exception over) when (over is OperationCanceledException or IOException)
        {
        }
    }

    private async Task FailAsync(RpcException failure)
    {
        try
        {
            await http.Response.WriteAsync($"event: error\ndata: {HttpRefusals.ToJson(failure)}\n\n", http.RequestAborted);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException)
        {
        }
    }
}
