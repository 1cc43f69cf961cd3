using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Notify.Delivery;

/// <summary>
/// What Home Assistant is told, so that it makes entities by itself (MQTT discovery): a device for each stream, with an event entity for
/// each rule and a sensor for the last sound.
/// </summary>
internal sealed class HomeAssistant(MqttSpec spec, string availabilityTopic)
{
    private readonly Dictionary<(string Stream, string Rule), SortedSet<string>> _types = []; // that have been announced

    /// <summary>Topics and retained payloads that are to be published before the event is; none when Home Assistant knows it.</summary>
    public IReadOnlyList<(string Topic, byte[] Payload)> Announce(Notice notice)
    {
        lock (_types)
        {
            var key = (notice.StreamId, notice.Rule);
            var isNew = !_types.TryGetValue(key, out var types);
            if (isNew)
            {
                _types.Add(key, types = new SortedSet<string>(StringComparer.Ordinal));
            }
            return types!.Add(notice.Label) ? isNew ? [Event(notice, types), Sensor(notice)] : [Event(notice, types)] : [];
        }
    }

    /// <summary>A broker that was away may have forgotten what it retained.</summary>
    public void Forget()
    {
        lock (_types)
        {
            _types.Clear();
        }
    }

    public static string EventTopic(MqttSpec spec, Notice notice) => $"{spec.Topic}/{notice.StreamId}/{notice.Rule}";

    public static string LastTopic(MqttSpec spec, Notice notice) => $"{spec.Topic}/{notice.StreamId}/last";

    private (string, byte[]) Event(Notice notice, SortedSet<string> types)
    {
        var id = ObjectId(notice.Rule);
        return Config("event", notice, id, new
        {
            name = notice.Rule,
            unique_id = $"{NodeId(notice)}_{id}",
            state_topic = EventTopic(spec, notice),
            event_types = types,
            icon = "mdi:ear-hearing",
            qos = 1,
            availability_topic = availabilityTopic,
            device = Device(notice),
        });
    }

    private (string, byte[]) Sensor(Notice notice) => Config("sensor", notice, "last_sound", new
    {
        name = "Last sound",
        unique_id = $"{NodeId(notice)}_last_sound",
        state_topic = LastTopic(spec, notice),
        value_template = "{{ value_json.label }}",
        json_attributes_topic = LastTopic(spec, notice),
        force_update = true,
        icon = "mdi:waveform",
        qos = 1,
        device = Device(notice),
    });

    private (string, byte[]) Config(string component, Notice notice, string id, object payload) =>
        ($"{spec.Discovery}/{component}/{NodeId(notice)}/{id}/config", JsonSerializer.SerializeToUtf8Bytes(payload));

    private static object Device(Notice notice) => new
    {
        identifiers = (string[])[NodeId(notice)],
        name = notice.StreamId,
        manufacturer = "Dass.Grid",
        model = notice.Model.Length > 0 ? notice.Model : "microphone",
    };

    private static string NodeId(Notice notice) => $"dass_{ObjectId(notice.StreamId)}";

    /// <summary>Of letters that discovery topics may have; names that differ have ids that differ.</summary>
    private static string ObjectId(string name)
    {
        var id = new string([.. name.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-' ? letter : '_')]);
        return id == name ? id : $"{id}_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..6]}";
    }
}
