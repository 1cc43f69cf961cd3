using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Dass.Grid.Notify.Rules;

/// <summary>Reads one destination of a file.</summary>
/// <param name="name">Its name.</param>
/// <param name="fields">Its fields.</param>
/// <param name="warnings">Receives what is allowed, and should be known.</param>
internal sealed partial class DestinationReader(string name, JsonFields fields, List<string> warnings)
{
    private const int LeastSecret = 24; // bytes, as Standard Webhooks has it
    private const int MostSecret = 64;
    private const string SecretPrefix = "whsec_";

    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly string[] Kinds = ["webhook", "mqtt", "command", "file"];
    private static readonly string[] Common = ["give_up_after"];

    /// <returns>One that cannot be used when there were problems.</returns>
    public DestinationSpec Read()
    {
        var unusable = new FileSpec { Name = name, Path = "" };
        if (fields.Element.ValueKind != JsonValueKind.Object)
        {
            fields.RequireObject();
            return unusable;
        }
        var kinds = Kinds.Where(fields.Has).ToArray();
        if (kinds.Length != 1)
        {
            foreach (var field in fields.Element.EnumerateObject().Where(field => !Kinds.Contains(field.Name)))
            {
                if (Nearest.Question(field.Name, Kinds) is { Length: > 0 } question)
                {
                    fields.Add(field.Name, $"is not known.{question}");
                }
            }
            fields.Add(kinds.Length == 0 ? "webhook" : kinds[1], $"of a destination: it must have one of {string.Join(", ", Kinds)}.");
            return unusable;
        }
        DestinationSpec spec = kinds[0] switch
        {
            "webhook" => Webhook(),
            "mqtt" => Mqtt(),
            "command" => Command(),
            _ => ReadFile(),
        };
        var (least, most) = (TimeSpan.FromSeconds(1), TimeSpan.FromDays(366));
        return spec with
        {
            GiveUpAfter = fields.Duration("give_up_after", least, most, spec.GiveUpAfter, never: true),
            Parallel = (int)fields.Number("parallel", 1, 64, spec.Parallel),
            Timeout = fields.Duration("timeout", Second, TimeSpan.FromHours(1), spec.Timeout),
            Definition = fields.Element.GetRawText() + Digest(fields.Secrets),
        };
    }

    private WebhookSpec Webhook()
    {
        fields.RequireObject([.. Common, "webhook", "secret", "secret_file", "headers", "body", "timeout", "parallel", "ca_file"]);
        var address = fields.Text("webhook") ?? "";
        if (!Uri.TryCreate(address, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            fields.Add("webhook", $"is '{address}'; it must be an http or https address.");
            url = new Uri("http://localhost");
        }
        var secrets = Secrets();
        if (secrets.Length == 0 && !fields.Has("secret") && !fields.Has("secret_file") && !fields.Has("body"))
        {
            warnings.Add($"{name}: messages are not signed; secret_file names a file with a key (whsec_…) that signs them.");
        }
        if (url.Scheme == "http" && !url.IsLoopback)
        {
            warnings.Add($"{name}: messages travel without TLS.");
        }
        JsonElement? body = fields.Element.TryGetProperty("body", out var given) ? given.Clone() : null;
        foreach (Match field in Field().Matches(body?.GetRawText() ?? ""))
        {
            if (!Notice.FieldNames.Contains(field.Groups[1].Value))
            {
                fields.Add("body", $"names {field.Value}.{Nearest.Question(field.Groups[1].Value, Notice.FieldNames)}"
                    + $" There are {string.Join(", ", Notice.FieldNames)}.");
            }
        }
        return new WebhookSpec
        {
            Name = name,
            Url = url,
            Secrets = secrets,
            Headers = Headers(),
            Body = body,
            Authorities = Authorities(),
        };
    }

    private MqttSpec Mqtt()
    {
        fields.RequireObject([.. Common, "mqtt", "user", "password", "password_file", "ca_file", "topic", "home_assistant", "timeout",
            "parallel"]);
        var address = fields.Text("mqtt") ?? "";
        if (!Uri.TryCreate(address, UriKind.Absolute, out var url) || url.Scheme is not ("mqtt" or "mqtts") || url.Host.Length == 0
            || url.UserInfo.Length > 0 || url.AbsolutePath is not ("" or "/"))
        {
            fields.Add("mqtt", $"is '{address}'; it must be an address such as mqtt://broker:1883 or mqtts://broker:8883, "
                + "with user and password_file beside it.");
            url = new Uri("mqtt://localhost");
        }
        if (fields.Has("password") && !fields.IsVariable("password"))
        {
            fields.Add("password", "must be a variable of the environment such as ${MQTT_PASSWORD}, or stand in a password_file.");
        }
        var isEncrypted = url.Scheme == "mqtts";
        var password = fields.FileText("password_file") ?? (fields.IsVariable("password") ? fields.Text("password") : null);
        if (!isEncrypted && password is not null && !url.IsLoopback)
        {
            warnings.Add($"{name}: the password travels without TLS.");
        }
        return new MqttSpec
        {
            Name = name,
            Host = url.Host,
            Port = url.Port > 0 ? url.Port : isEncrypted ? 8883 : 1883,
            IsEncrypted = isEncrypted,
            User = fields.Text("user"),
            Password = password,
            Authorities = Authorities(),
            Topic = Topic("topic") ?? "dass",
            Discovery = Discovery(),
        };
    }

    /// <summary>True: with the prefix that Home Assistant has when it is installed; a text: with another.</summary>
    private string? Discovery() =>
        fields.Element.TryGetProperty("home_assistant", out var value) && value.ValueKind == JsonValueKind.String
            ? Topic("home_assistant")
            : fields.Flag("home_assistant", false) ? "homeassistant" : null;

    private string? Topic(string field)
    {
        var topic = fields.Text(field);
        if (topic is not null && !TopicPattern().IsMatch(topic))
        {
            fields.Add(field, $"is '{topic}'; it must be the beginning of topics, such as dass or house/ears, without + and #.");
        }
        return topic;
    }

    private CommandSpec Command()
    {
        fields.RequireObject([.. Common, "command", "timeout", "parallel"]);
        var command = fields.Texts("command");
        if (fields.Element.GetProperty("command").ValueKind != JsonValueKind.Array || command.Length == 0 || command[0].Length == 0)
        {
            fields.Add("command", "must be a list of a program and its arguments; no shell reads it.");
            command = ["true"];
        }
        return new CommandSpec { Name = name, Command = command, Timeout = TimeSpan.FromSeconds(30) };
    }

    private FileSpec ReadFile()
    {
        fields.RequireObject([.. Common, "file"]);
        var path = fields.Text("file") ?? "";
        if (path.Length == 0)
        {
            fields.Add("file", "is empty; it must be the path of a file to which messages are added.");
        }
        return new FileSpec { Name = name, Path = path, Parallel = 1 };
    }

    /// <summary>Read with the rules: a file that holds none is wrong before anything of the rules has changed.</summary>
    private X509Certificate2Collection? Authorities()
    {
        if (fields.FileText("ca_file") is not { } text)
        {
            return null;
        }
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPem(text);
        }
        catch (CryptographicException)
        {
            authorities.Clear();
        }
        if (authorities.Count == 0)
        {
            fields.Add("ca_file", "holds no certificates in the form of PEM.");
        }
        return authorities;
    }

    private byte[][] Secrets()
    {
        if (fields.Has("secret") && fields.Has("secret_file"))
        {
            fields.Add("secret", "and secret_file are both there; one of them is enough.");
            return [];
        }
        if (fields.Has("secret"))
        {
            if (!fields.IsVariable("secret"))
            {
                fields.Add("secret", "must be a variable of the environment such as ${WEBHOOK_SECRET}, or stand in a secret_file: "
                    + "files of rules are shown to people.");
                return [];
            }
            return fields.Text("secret") is { Length: > 0 } text ? Keys("secret", text) : [];
        }
        return fields.FileText("secret_file") is { } lines ? Keys("secret_file", lines) : [];
    }

    /// <summary>One key in each line: while a receiver changes from an old one to a new one there are two.</summary>
    private byte[][] Keys(string field, string text)
    {
        var keys = new List<byte[]>();
        foreach (var line in text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var key = new byte[line.Length];
            if (!line.StartsWith(SecretPrefix, StringComparison.Ordinal)
                || !Convert.TryFromBase64String(line[SecretPrefix.Length..], key, out var length)
                || length is < LeastSecret or > MostSecret)
            {
                fields.Add(field, $"holds no key of Standard Webhooks: {SecretPrefix} and the Base64 of {LeastSecret} to {MostSecret} bytes"
                    + $" (one way to make it: echo {SecretPrefix}$(openssl rand -base64 32)).");
                return [];
            }
            keys.Add(key[..length]);
        }
        return [.. keys];
    }

    private Dictionary<string, string> Headers()
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        if (!fields.Element.TryGetProperty("headers", out var given))
        {
            return headers;
        }
        if (given.ValueKind != JsonValueKind.Object)
        {
            fields.Add("headers", "must be an object: a name and a text for each header.");
            return headers;
        }
        foreach (var header in given.EnumerateObject())
        {
            var text = fields.TextOf(header.Value, $"headers.{header.Name}") ?? "";
            if (!HeaderName().IsMatch(header.Name) || text.Any(char.IsControl)
                || header.Name.StartsWith("webhook-", StringComparison.OrdinalIgnoreCase)
                || header.Name.Equals("content-length", StringComparison.OrdinalIgnoreCase)
                || header.Name.Equals("host", StringComparison.OrdinalIgnoreCase))
            {
                fields.Add($"headers.{header.Name}", "is no header that can be set here.");
            }
            headers[header.Name] = text;
        }
        return headers;
    }

    private static string Digest(IReadOnlyList<string> secrets) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', secrets))));

    [GeneratedRegex(@"\{([a-z_]+)\}", RegexOptions.CultureInvariant)]
    internal static partial Regex Field();

    [GeneratedRegex("^[^/+#$\\s][^+#\\s]{0,200}(?<!/)$", RegexOptions.CultureInvariant)]
    private static partial Regex TopicPattern();

    [GeneratedRegex("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", RegexOptions.CultureInvariant)]
    private static partial Regex HeaderName();
}
