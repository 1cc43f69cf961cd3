using System.Security.Cryptography.X509Certificates;
using Dass.Grid.Notify.Rules;
using MQTTnet;
using MQTTnet.Exceptions;
using MQTTnet.Formatter;
using MQTTnet.Protocol;

namespace Dass.Grid.Notify.Delivery;

/// <summary>
/// Publishes messages with QoS 1: a broker has one when it acknowledges it. Topics are <c>dass/STREAM/RULE</c>, and
/// <c>dass/STREAM/last</c>, which is retained; <c>dass/status/DESTINATION</c> is <c>online</c> while this is connected, and it stays so
/// between messages: Home Assistant shows what is offline as unavailable.
/// </summary>
internal sealed class MqttDestination : IDestination
{
    private static readonly TimeSpan ConnectAgain = TimeSpan.FromSeconds(10);

    /// <summary>Home Assistant reads an event's topic some time after it has been told of it, and an event is not retained.</summary>
    private static readonly TimeSpan MakesEntities = TimeSpan.FromSeconds(2);

    private readonly MqttSpec _spec;
    private readonly bool _isTrial;
    private readonly TimeProvider _clock;
    private readonly IMqttClient _client = new MqttClientFactory().CreateMqttClient();
    private readonly MqttClientOptions _options;
    private readonly SemaphoreSlim _connecting = new(1);
    private readonly HomeAssistant? _home;
    private readonly string _status;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task? _staying; // null: it sends once, and says nothing of itself
    private volatile bool _isOnline; // the broker has taken that this is connected

    public MqttDestination(MqttSpec spec, bool isTrial, TimeProvider clock)
    {
        (_spec, _isTrial, _clock, _status) = (spec, isTrial, clock, $"{spec.Topic}/status/{spec.Name}");
        _home = spec.Discovery is null ? null : new HomeAssistant(spec, _status);
        var options = new MqttClientOptionsBuilder()
            .WithProtocolVersion(MqttProtocolVersion.V500) // its acknowledgements say whether a message was refused
            .WithTcpServer(spec.Host, spec.Port)
            .WithClientId($"dass-notify-{spec.Name}-{Guid.NewGuid():N}")
            .WithCleanStart()
            .WithKeepAlivePeriod(TimeSpan.FromSeconds(30))
            .WithTimeout(spec.Timeout);
        if (!isTrial)
        {
            options = options.WithWillTopic(_status)
                .WithWillPayload("offline")
                .WithWillRetain()
                .WithWillQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce);
        }
        if (spec.User is not null || spec.Password is not null)
        {
            options = options.WithCredentials(spec.User, spec.Password);
        }
        if (spec.IsEncrypted)
        {
            options = options.WithTlsOptions(tls =>
            {
                tls.UseTls();
                if (spec.Authorities is { } authorities)
                {
                    tls.WithTrustChain(authorities).WithRevocationMode(X509RevocationMode.NoCheck);
                }
            });
        }
        _options = options.Build();
        _staying = isTrial ? null : Task.Run(StayConnectedAsync);
    }

    public async Task<DeliveryOutcome> SendAsync(Notice notice, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_spec.Timeout);
        try
        {
            await ConnectAsync(limit.Token).ConfigureAwait(false);
            var announced = _home?.Announce(notice) ?? [];
            foreach (var (topic, payload) in announced)
            {
                if (await PublishAsync(topic, payload, retain: true, limit.Token).ConfigureAwait(false) is { } refused)
                {
                    _home!.Forget();
                    return refused;
                }
            }
            if (announced.Count > 0)
            {
                var most = _spec.Timeout / 2;
                await Task.Delay(MakesEntities < most ? MakesEntities : most, _clock, limit.Token).ConfigureAwait(false);
            }
            var body = notice.FlatPayload();
            return await PublishAsync(HomeAssistant.EventTopic(_spec, notice), body, retain: false, limit.Token).ConfigureAwait(false)
                ?? await PublishAsync(HomeAssistant.LastTopic(_spec, notice), body, retain: true, limit.Token).ConfigureAwait(false)
                ?? DeliveryOutcome.Delivered;
        }
        catch (Exception) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (Exception broken)
        {
            _home?.Forget();
            return DeliveryOutcome.Failed(
                limit.IsCancellationRequested || broken is MqttCommunicationTimedOutException
                    ? $"no answer within {_spec.Timeout.TotalSeconds:0} s."
                    : broken.GetBaseException().Message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await (_staying ?? Task.CompletedTask).ConfigureAwait(false);
        if (_client.IsConnected)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            try
            {
                if (_staying is not null)
                {
                    await PublishAsync(_status, "offline"u8.ToArray(), retain: true, limit.Token).ConfigureAwait(false);
                }
                await _client.DisconnectAsync(cancellationToken: limit.Token).ConfigureAwait(false);
            }
            catch (Exception broken) when (broken is MqttCommunicationException or OperationCanceledException)
            {
                // The broker publishes the will.
            }
        }
        _client.Dispose();
        _connecting.Dispose();
        _stop.Dispose();
    }

    private async Task StayConnectedAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            limit.CancelAfter(_spec.Timeout);
            try
            {
                await ConnectAsync(limit.Token).ConfigureAwait(false);
            }
            catch (Exception)
            {
                // The next message says why, and is tried again by its rule.
            }
            await Task.Delay(ConnectAgain, _clock, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ConnectAsync(CancellationToken cancellationToken)
    {
        if (_client.IsConnected && _isOnline)
        {
            return;
        }
        await _connecting.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_client.IsConnected)
            {
                _home?.Forget();
                _isOnline = _isTrial;
                var answer = await _client.ConnectAsync(_options, cancellationToken).ConfigureAwait(false);
                if (answer.ResultCode != MqttClientConnectResultCode.Success)
                {
                    throw new MqttCommunicationException($"the broker answers {answer.ResultCode}. {answer.ReasonString}".TrimEnd());
                }
            }
            if (!_isOnline)
            {
                if (await PublishAsync(_status, "online"u8.ToArray(), retain: true, cancellationToken).ConfigureAwait(false) is { } refused)
                {
                    throw new MqttCommunicationException(refused.Reason);
                }
                _isOnline = true;
            }
        }
        finally
        {
            _connecting.Release();
        }
    }

    /// <returns>Null: the broker has it.</returns>
    private async Task<DeliveryOutcome?> PublishAsync(string topic, byte[] payload, bool retain, CancellationToken cancellationToken)
    {
        var message = new MqttApplicationMessageBuilder()
            .WithTopic(topic)
            .WithPayload(payload)
            .WithRetainFlag(retain)
            .WithQualityOfServiceLevel(MqttQualityOfServiceLevel.AtLeastOnce)
            .Build();
        var answer = await _client.PublishAsync(message, cancellationToken).ConfigureAwait(false);
        var reason = $"the broker answers {answer.ReasonCode} to {topic}. {answer.ReasonString}".TrimEnd();
        return answer.ReasonCode switch
        {
            // A broker that keeps what has no reader yet is asked for no more.
            MqttClientPublishReasonCode.Success or MqttClientPublishReasonCode.NoMatchingSubscribers => null,
            MqttClientPublishReasonCode.TopicNameInvalid or MqttClientPublishReasonCode.PayloadFormatInvalid =>
                DeliveryOutcome.Refused(reason),
            _ => DeliveryOutcome.Failed(reason),
        };
    }
}
