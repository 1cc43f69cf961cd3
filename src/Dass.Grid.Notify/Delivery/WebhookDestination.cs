using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Notify.Delivery;

/// <summary>Posts messages. A receiver has one when it answers with a status of 200 to 299.</summary>
internal sealed class WebhookDestination : IDestination
{
    private const int AnswerBytes = 1024; // that are read, for the reason of a failure
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(1);

    private readonly WebhookSpec _spec;
    private readonly TimeProvider _clock;
    private readonly HttpClient _client;

    public WebhookDestination(WebhookSpec spec, TimeProvider clock)
    {
        (_spec, _clock) = (spec, clock);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, // a signed message goes to the address that the operator has written, and to no other
            UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5), // names may move
            MaxResponseHeadersLength = 16, // KiB
            MaxConnectionsPerServer = spec.Parallel,
            ActivityHeadersPropagator = null,
            UseProxy = !spec.Url.IsLoopback,
            RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8, // of titles for people; the default refuses all but ASCII
        };
        if (spec.Authorities is { } authorities)
        {
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck,
                },
            };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(authorities);
        }
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public async Task<DeliveryOutcome> SendAsync(Notice notice, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_spec.Timeout);
        try
        {
            using var request = Request(notice);
            using var answer = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token)
                .ConfigureAwait(false);
            return answer.IsSuccessStatusCode ? DeliveryOutcome.Delivered : await FailureAsync(answer, limit.Token).ConfigureAwait(false);
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (Exception) when (limit.IsCancellationRequested)
        {
            return DeliveryOutcome.Failed($"no answer within {_spec.Timeout.TotalSeconds:0} s.");
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return DeliveryOutcome.Failed(broken.GetBaseException().Message);
        }
    }

    public ValueTask DisposeAsync()
    {
        _client.Dispose();
        return ValueTask.CompletedTask;
    }

    private HttpRequestMessage Request(Notice notice)
    {
        var (body, type) = WebhookBody.Of(_spec.Body, notice);
        var now = _clock.GetUtcNow();
        var request = new HttpRequestMessage(HttpMethod.Post, _spec.Url) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type, type == "text/plain" ? "utf-8" : null);
        request.Headers.TryAddWithoutValidation("webhook-id", notice.Id);
        request.Headers.TryAddWithoutValidation("webhook-timestamp", now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("dass-notify", null));
        if (_spec.Secrets.Count > 0)
        {
            request.Headers.TryAddWithoutValidation("webhook-signature", WebhookSignature.Sign(_spec.Secrets, notice.Id, now, body));
        }
        foreach (var (name, text) in _spec.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, text))
            {
                request.Content.Headers.Remove(name);
                request.Content.Headers.TryAddWithoutValidation(name, text);
            }
        }
        return request;
    }

    private async Task<DeliveryOutcome> FailureAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        var status = (int)answer.StatusCode;
        var reason = status is >= 300 and < 400
            ? $"it answers {status}: redirects are not followed."
            : $"it answers {status} {answer.ReasonPhrase}. {await TextAsync(answer, cancellationToken).ConfigureAwait(false)}".TrimEnd();
        var isFinal = status is >= 400 and < 500 && answer.StatusCode
            is not (HttpStatusCode.RequestTimeout or (HttpStatusCode)425 or HttpStatusCode.TooManyRequests);
        return isFinal ? DeliveryOutcome.Refused(reason) : DeliveryOutcome.Failed(reason, RetryAfter(answer));
    }

    private TimeSpan? RetryAfter(HttpResponseMessage answer)
    {
        var wait = answer.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - _clock.GetUtcNow(),
            _ => (TimeSpan?)null,
        };
        return wait is null || wait < TimeSpan.Zero ? null : wait < LongestRetryAfter ? wait : LongestRetryAfter;
    }

    /// <summary>The beginning of an answer, on one line.</summary>
    private static async Task<string> TextAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        try
        {
            var body = await answer.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            var bytes = new byte[AnswerBytes];
            var read = await body.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            var text = Encoding.UTF8.GetString(bytes, 0, read);
            return new string([.. text.Take(200).Select(letter => char.IsControl(letter) ? ' ' : letter)]).Trim();
        }
        catch (Exception broken) when (broken is HttpRequestException or IOException)
        {
            return "";
        }
    }
}
