using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Dass.Grid.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Dass.Grid.Chaos;

/// <summary>A browser's subscription: it comes back with the id of the last event, and knows nothing else of what it had.</summary>
/// <param name="kind">Of the subscriber: sse-one takes the first stream alone.</param>
/// <param name="streams">Those that it takes.</param>
/// <param name="key">Of the tenant.</param>
internal sealed class EventSource(string kind, IReadOnlyList<string> streams, string key)
{
    private const string Over = "ended";

    private static readonly HttpClient Http = new() { Timeout = Timeout.InfiniteTimeSpan };
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    /// <summary>The grid writes a line at least every 15 s: a silent connection is one whose gateway hangs or is gone.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    private string _lastId = "";

    public async IAsyncEnumerable<SubscribeResponse> ReadAsync(
        Uri gateway, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (_lastId == Over)
        {
            yield break;
        }
        using var request = new HttpRequestMessage(
            HttpMethod.Get, new Uri(gateway, $"/v1/subscribe?from_chunk=0&top={Received.Top}&{Ids()}"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (_lastId.Length > 0)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", _lastId);
        }
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var answer = await TryAsync(
            () => Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token), silence, cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            using var refusal = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(cancellationToken));
            throw SocketAudio.Refusal(refusal.RootElement);
        }
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(cancellationToken));
        var isError = false;
        var id = _lastId;
        while (await TryAsync(() => lines.ReadLineAsync(silence.Token).AsTask(), silence, cancellationToken) is { } line)
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal))
            {
                id = line[4..];
            }
            else if (line.StartsWith("event: ", StringComparison.Ordinal))
            {
                isError = line == "event: error";
            }
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
            {
                if (isError)
                {
                    using var error = JsonDocument.Parse(line[6..]);
                    throw SocketAudio.Refusal(error.RootElement);
                }
                _lastId = id;
                yield return Parser.Parse<SubscribeResponse>(line[6..]);
            }
        }
    }

    private string Ids() => string.Join('&', streams.Take(kind == "sse-one" ? 1 : streams.Count).Select(stream => $"stream_id={stream}"));

    private static async Task<T> TryAsync<T>(Func<Task<T>> read, CancellationTokenSource silence, CancellationToken cancellationToken)
    {
        silence.CancelAfter(Silence);
        try
        {
            return await read();
        }
        catch (Exception away) when (
            away is HttpRequestException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, away.Message));
        }
    }
}
