using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Notify;
using Dass.Grid.Notify.Delivery;
using Dass.Grid.Notify.Rules;
using Dass.Grid.Tests;
using Microsoft.Extensions.Time.Testing;
using static Dass.Grid.Cluster.Tests.Notices.RuleDecisionTests;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>Messages at Debian's mosquitto, and what Home Assistant is told.</summary>
public sealed class MqttTests : IDisposable
{
    // Of Home Assistant's pages "MQTT Event", "MQTT Sensor" and "MQTT Discovery".
    private static readonly string[] Shared =
    [
        "availability", "availability_mode", "availability_template", "availability_topic", "device", "device_class", "enabled_by_default",
        "encoding", "entity_category", "icon", "json_attributes_template", "json_attributes_topic", "name", "object_id",
        "payload_available", "payload_not_available", "qos", "state_topic", "unique_id", "value_template",
    ];

    private static readonly Dictionary<string, string[]> Documented = new()
    {
        ["event"] = [.. Shared, "event_types"],
        ["sensor"] =
        [
            .. Shared, "expire_after", "force_update", "last_reset_value_template", "options", "suggested_display_precision", "state_class",
            "unit_of_measurement",
        ],
        ["device"] =
        [
            "configuration_url", "connections", "hw_version", "identifiers", "manufacturer", "model", "model_id", "name", "serial_number",
            "suggested_area", "sw_version", "via_device",
        ],
    };

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-mqtt-");
    private readonly FakeTimeProvider _time = new(); // of pauses, not of timeouts

    public void Dispose() => _directory.Delete(recursive: true);

    [NeedsFact("mosquitto mosquitto_sub", "mosquitto mosquitto-clients")]
    public async Task Messages_are_published_and_Home_Assistant_is_told_of_them_first()
    {
        using var broker = new Mosquitto(_directory, "allow_anonymous true");
        await broker.StartAsync();
        using var reader = await broker.ReadAsync();
        await using (var destination = Create(Spec(broker, "\"home_assistant\": true")))
        {
            Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(destination, "yard.1", "Dog"));
            Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(destination, "yard.1", "Dog", "0-1"));
            Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(destination, "yard.1", "Cat", "0-2"));
        }
        await TestGrid.UntilAsync(() => reader.All is [.., ("dass/status/home", "offline")]);
        var messages = reader.All;

        Assert.Equal(("dass/status/home", "online"), messages[0]);
        string[] topics = [.. messages.Select(message => message.Topic)];
        var events = messages.Where(message => message.Topic == "dass/yard.1/dogs").Select(message => Parse(message.Payload)).ToArray();
        Assert.Equal(["Dog", "Dog", "Cat"], events.Select(each => each.GetProperty("event_type").GetString()));
        Assert.Equal(3, topics.Count(topic => topic == "dass/yard.1/last"));

        // An event's type is announced before the event.
        var configs = messages.Where(message => message.Topic.StartsWith("homeassistant/event/", StringComparison.Ordinal)).ToArray();
        Assert.Equal(2, configs.Length);
        Assert.Equal(["Dog"], Types(configs[0].Payload));
        Assert.Equal(["Cat", "Dog"], Types(configs[1].Payload));
        var cat = Array.FindIndex(messages, each => each.Payload.Contains("\"event_type\":\"Cat\"", StringComparison.Ordinal));
        Assert.True(Array.IndexOf(messages, configs[1]) < cat);

        // Retained: Home Assistant may start later.
        using var later = await broker.ReadAsync();
        var kept = later.All.ToDictionary(each => each.Topic, each => each.Payload);
        Assert.Equal("offline", kept["dass/status/home"]);
        Assert.Equal("Cat", Parse(kept["dass/yard.1/last"]).GetProperty("label").GetString());
        AssertDocumented("event", kept, "dass/yard.1/dogs");
        AssertDocumented("sensor", kept, "dass/yard.1/last");
        Assert.DoesNotContain("dass/yard.1/dogs", kept.Keys); // an event is no state
    }

    [NeedsFact("mosquitto mosquitto_sub", "mosquitto mosquitto-clients")]
    public async Task Rules_share_a_connection_that_is_online_from_the_first_to_the_last_and_no_trial_says_otherwise()
    {
        using var broker = new Mosquitto(_directory, "allow_anonymous true");
        await broker.StartAsync();
        using var reader = await broker.ReadAsync();
        string[] States() => [.. reader.All.Where(each => each.Topic == "dass/status/home").Select(each => each.Payload)];
        var (all, spec) = (new SharedDestinations(_time), Spec(broker, "\"home_assistant\": true"));
        var dogs = all.Open(spec);
        await using (var cats = all.Open(spec))
        {
            await TestGrid.UntilAsync(() => States() is ["online"]); // before any message
            await dogs.DisposeAsync();
            await using (var trial = IDestination.Create(spec, isTrial: true, _time))
            {
                Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(trial, "yard", "Dog"));
            }
            Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(cats, "yard", "Cat"));
            await TestGrid.UntilAsync(() => reader.All.Count(each => each.Topic == "dass/yard/last") == 2);
            Assert.Equal(["online"], States());
        }
        await TestGrid.UntilAsync(() => States() is ["online", "offline"]);
    }

    [NeedsFact("mosquitto mosquitto_sub", "mosquitto mosquitto-clients")]
    public async Task Home_Assistant_has_time_to_make_an_entity_before_its_first_event_and_no_later_one_waits()
    {
        using var broker = new Mosquitto(_directory, "allow_anonymous true");
        await broker.StartAsync();
        using var reader = await broker.ReadAsync();
        await using var destination = Create(Spec(broker, "\"home_assistant\": true"));
        var first = destination.SendAsync(Message("yard", "Dog"), CancellationToken.None);
        await TestGrid.UntilAsync(() => reader.All.Any(each => each.Topic.StartsWith("homeassistant/sensor/", StringComparison.Ordinal)));
        using var later = await broker.ReadAsync(); // whose way is longer than an event's
        Assert.False(first.IsCompleted);
        Assert.DoesNotContain(reader.All, each => each.Topic == "dass/yard/dogs");
        await TestGrid.UntilAsync(() => first.IsCompleted, () =>
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            return Task.Delay(20);
        });
        Assert.Equal(DeliveryOutcome.Delivered, await first);
        Assert.Equal(DeliveryOutcome.Delivered, await destination.SendAsync(Message("yard", "Dog", "0-1"), CancellationToken.None));
    }

    [NeedsFact("mosquitto mosquitto_sub", "mosquitto mosquitto-clients")]
    public async Task A_broker_that_does_not_take_online_is_told_again_and_until_then_no_message_counts_as_sent()
    {
        var acl = Path.Combine(_directory.FullName, "acl");
        File.WriteAllText(acl, "topic read #\ntopic readwrite probe\ntopic readwrite dass/yard/#\n");
        using var broker = new Mosquitto(_directory, "allow_anonymous true", $"acl_file {acl}");
        await broker.StartAsync();
        using var reader = await broker.ReadAsync();
        await using var destination = Create(Spec(broker, "\"parallel\": 1"));
        var refused = await SendAsync(destination, "yard", "Dog");
        Assert.Equal(DeliveryKind.Failed, refused.Kind);
        Assert.Contains("NotAuthorized to dass/status/home", refused.Reason, StringComparison.Ordinal);

        File.WriteAllText(acl, "topic readwrite #\n");
        await broker.ReloadAsync();
        await TestGrid.UntilAsync(async () => (await SendAsync(destination, "yard", "Dog")).Kind == DeliveryKind.Delivered);
        await TestGrid.UntilAsync(() => reader.All.Contains(("dass/status/home", "online")));
    }

    [NeedsFact("mosquitto mosquitto_sub", "mosquitto mosquitto-clients")]
    public async Task A_broker_that_is_away_or_refuses_has_failed_and_one_that_comes_back_is_used_and_told_again()
    {
        using var broker = new Mosquitto(_directory, "allow_anonymous true"); // keeps nothing over a restart
        await broker.StartAsync();
        await using var destination = Create(
            Spec(broker, "\"home_assistant\": \"ha\", \"topic\": \"ears\""));
        Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(destination, "yard", "Dog"));
        broker.Kill();
        Assert.Equal(DeliveryKind.Failed, (await SendAsync(destination, "yard", "Dog", "0-1")).Kind);
        await broker.StartAsync();
        await TestGrid.UntilAsync(async () => (await SendAsync(destination, "yard", "Dog", "0-1")).Kind == DeliveryKind.Delivered);
        using var reader = await broker.ReadAsync();
        string[] topics = [.. reader.All.Select(message => message.Topic)];
        Assert.Contains("ha/event/dass_yard/dogs/config", topics);
        Assert.Contains("ears/yard/last", topics);
    }

    [NeedsFact("mosquitto mosquitto_passwd", "mosquitto mosquitto-clients")]
    public async Task A_broker_that_asks_for_a_password_gets_it_and_a_wrong_one_is_not_accepted()
    {
        var passwords = Path.Combine(_directory.FullName, "passwords");
        File.WriteAllText(passwords, "dass:right\n");
        using (var hash = System.Diagnostics.Process.Start("mosquitto_passwd", ["-U", passwords]))
        {
            await hash.WaitForExitAsync();
        }
        var acl = Path.Combine(_directory.FullName, "acl");
        File.WriteAllText(acl, "user dass\ntopic readwrite dass/#\n");
        using var broker = new Mosquitto(_directory, $"password_file {passwords}", $"acl_file {acl}");
        await broker.StartAsync();

        async Task<DeliveryOutcome> WithAsync(string password, string more = "")
        {
            var file = Path.Combine(_directory.FullName, "password");
            File.WriteAllText(file, password);
            await using var destination = Create(Spec(broker, $"\"user\": \"dass\", \"password_file\": \"{file}\"{more}"));
            return await SendAsync(destination, "yard", "Dog");
        }
        Assert.Equal(DeliveryOutcome.Delivered, await WithAsync("right"));
        var wrong = await WithAsync("wrong");
        Assert.Equal(DeliveryKind.Failed, wrong.Kind);
        Assert.Contains("NotAuthorized", wrong.Reason, StringComparison.Ordinal);
        // What the broker's rights do not cover is not silently lost.
        Assert.Contains("NotAuthorized", (await WithAsync("right", ", \"home_assistant\": true")).Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"mqtt\": \"broker:1883\"", "it must be an address such as mqtt://broker:1883")]
    [InlineData("\"mqtt\": \"mqtt://u:p@broker\"", "with user and password_file beside it")]
    [InlineData("\"mqtt\": \"mqtt://broker\", \"password\": \"x\"", "must be a variable of the environment")]
    [InlineData("\"mqtt\": \"mqtt://broker\", \"topic\": \"a/#\"", "without + and #")]
    [InlineData("\"mqtt\": \"mqtt://broker\", \"home_assistant\": 1", "must be true or false")]
    [InlineData("\"mqtt\": \"mqtt://broker\", \"usr\": \"x\"", "Did you mean 'user'?")]
    public void What_is_wrong_is_said(string fields, string problem) => Assert.Contains(
        problem,
        Assert.Throws<FormatException>(() => RuleFile.Parse(
            $$"""{ "destinations": { "home": { {{fields}} } }, "rules": [] }""", "rules.json", TimeProvider.System)).Message,
        StringComparison.Ordinal);

    private static string[] Types(string config) =>
        [.. Parse(config).GetProperty("event_types").EnumerateArray().Select(each => each.GetString()!)];

    private static void AssertDocumented(string component, Dictionary<string, string> kept, string stateTopic)
    {
        var (topic, json) = Assert.Single(kept, each => each.Key.StartsWith($"homeassistant/{component}/", StringComparison.Ordinal));
        Assert.Matches("^homeassistant/[a-z]+/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+/config$", topic);
        var config = Parse(json);
        Assert.All(config.EnumerateObject(), field => Assert.Contains(field.Name, Documented[component]));
        Assert.All(config.GetProperty("device").EnumerateObject(), field => Assert.Contains(field.Name, Documented["device"]));
        Assert.Equal(stateTopic, config.GetProperty("state_topic").GetString());
        Assert.NotEmpty(config.GetProperty("unique_id").GetString()!);
        Assert.NotEmpty(config.GetProperty("device").GetProperty("identifiers").EnumerateArray());
    }

    private static JsonElement Parse(string json) => JsonDocument.Parse(json).RootElement;

    private IDestination Create(DestinationSpec spec) => IDestination.Create(spec, isTrial: false, _time);

    /// <summary>However long it pauses.</summary>
    private async Task<DeliveryOutcome> SendAsync(IDestination destination, string stream, string label, string id = "0-0")
    {
        var sending = destination.SendAsync(Message(stream, label, id), CancellationToken.None);
        await TestGrid.UntilAsync(() => sending.IsCompleted, () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return Task.WhenAny(sending, Task.Delay(20));
        });
        return await sending;
    }

    private static Notice Message(string stream, string label, string id = "0-0") =>
        Notice.From("dogs", Heard("2026-03-01T12:00Z", stream: stream, label: label, id: id));

    private static DestinationSpec Spec(Mosquitto broker, string more) => RuleFile.Parse(
        $$"""{ "destinations": { "home": { "mqtt": "mqtt://127.0.0.1:{{broker.Port}}", {{more}} } }, "rules": [] }""", "rules.json",
        TimeProvider.System).Destinations[0];
}
