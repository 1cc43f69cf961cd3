using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>What a file of rules may say, and how it is refused.</summary>
public sealed class RuleFileTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-rules-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void A_file_behind_a_link_is_as_old_as_what_the_link_leads_to()
    {
        var folder = Directory.CreateTempSubdirectory("dass-links-").FullName; // as Kubernetes mounts a ConfigMap
        foreach (var (version, year) in ((string, int)[])[("first", 2020), ("second", 2021)])
        {
            var file = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, version)).FullName, "rules.json");
            File.WriteAllText(file, "{}");
            File.SetLastWriteTimeUtc(file, new DateTime(year, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        }
        var data = Path.Combine(folder, "data");
        var path = File.CreateSymbolicLink(Path.Combine(folder, "rules.json"), "data/rules.json").FullName;
        Directory.CreateSymbolicLink(data, "first");
        Assert.Equal(2020, FollowedFile.WrittenUtc(path).Year);
        Directory.Delete(data);
        Assert.True(FollowedFile.WrittenUtc(path).Year < 1700);
        Directory.CreateSymbolicLink(data, "second");
        Assert.Equal(2021, FollowedFile.WrittenUtc(path).Year);
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Every_field_is_read()
    {
        var rules = Parse("""
            {
              // a comment
              "destinations": {
                "chat": { "webhook": "https://example.org/hook", "timeout": "3s", "give_up_after": "never", "parallel": 2,
                          "headers": { "Title": "dass" }, "body": { "text": "{label} on {stream_id}" } },
                "log": { "file": "/tmp/x.jsonl" },
                "run": { "command": ["/bin/true", "a b"], "timeout": "2m" },
              },
              "rules": [
                { "name": "night", "prefix": "yard-", "stream_ids": ["yard-1"], "labels": ["Dog", "Cat"], "min_peak": 0.6,
                  "min_duration": "1.5s", "hours": ["22:00-06:00", "12:00-13:00"], "days": ["sat", "Sunday"], "time_zone": "Europe/Berlin",
                  "cooldown": "5m", "cooldown_per": "label", "first_of_day": true, "from": "2026-03-01T12:00Z", "to": ["chat", "log"] },
                { "name": "all", "to": "run" },
              ],
            }
            """);

        var night = rules.Rules[0];
        Assert.Equal(["night", "all"], rules.Names);
        Assert.Equal(("yard-", 0.6f, TimeSpan.FromSeconds(1.5)), (night.Prefix, night.MinPeak, night.MinDuration));
        Assert.Equal([new HourSpan(new(22, 0), new(6, 0)), new HourSpan(new(12, 0), new(13, 0))], night.Hours);
        Assert.Equal([DayOfWeek.Saturday, DayOfWeek.Sunday], night.Days);
        Assert.Equal(
            ("Europe/Berlin", TimeSpan.FromMinutes(5), false, true),
            (night.TimeZone.Id, night.Cooldown, night.PerStream, night.PerLabel));
        Assert.Equal(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero), night.From);
        Assert.True(night.FirstOfDay);
        Assert.Equal(["night@chat", "night@log", "all@run"], rules.Routes.Select(route => $"{route.Rule.Name}@{route.Destination.Name}"));
        var chat = Assert.IsType<WebhookSpec>(rules.Destinations[0]);
        Assert.Equal((TimeSpan.FromSeconds(3), Timeout.InfiniteTimeSpan, 2), (chat.Timeout, chat.GiveUpAfter, chat.Parallel));
        Assert.Equal("https://example.org", chat.Shown); // a chat's path is its password
    }

    [Theory]
    [InlineData("""{ "rules": [] }""", "destinations must be an object")]
    [InlineData("""{ "destinations": {} }""", "rules must be a list")]
    [InlineData("""{ "destinations": {}, "rules": [], "rule": 1 }""", "rule is not known. Did you mean 'rules'?")]
    [InlineData("""[]""", "it is no object")]
    [InlineData("{ \"destinations\":\n {} ", "line 2: it is no JSON")]
    [InlineData(
        """{ "destinations": { "a": { "webhok": "http://x" } }, "rules": [] }""",
        "destinations.a.webhok is not known. Did you mean 'webhook'?")]
    [InlineData(
        """{ "destinations": { "a": { "webhook": "ftp://x" } }, "rules": [] }""",
        "destinations.a.webhook is 'ftp://x'; it must be an http")]
    [InlineData("""{ "destinations": { "a": { "webhook": "http://x", "file": "y" } }, "rules": [] }""", "it must have one of webhook,")]
    [InlineData(
        """{ "destinations": { "a": { "webhook": "http://x", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZI" } }, "rules": [] }""",
        "must be a variable of the environment")]
    [InlineData(
        """{ "destinations": { "a": { "webhook": "http://x", "secret_file": "/nowhere" } }, "rules": [] }""",
        "destinations.a.secret_file is '/nowhere', which cannot be read")]
    [InlineData(
        """{ "destinations": { "a": { "webhook": "https://x", "ca_file": "/etc/passwd" } }, "rules": [] }""",
        "destinations.a.ca_file holds no certificates in the form of PEM")]
    [InlineData(
        """{ "destinations": { "a": { "mqtt": "mqtts://x", "ca_file": "/etc/passwd" } }, "rules": [] }""",
        "destinations.a.ca_file holds no certificates in the form of PEM")]
    [InlineData(
        """{ "destinations": { "a": { "webhook": "http://x", "body": "{lable}" } }, "rules": [] }""",
        "destinations.a.body names {lable}. Did you mean 'label'")]
    [InlineData(
        """{ "destinations": { "a": { "webhook": "http://x", "headers": { "a b": "c" } } }, "rules": [] }""",
        "destinations.a.headers.a b is no header")]
    [InlineData(
        """{ "destinations": { "a": { "webhook": "http://x/${DASS_NO_SUCH_VARIABLE}" } }, "rules": [] }""",
        "names the variable DASS_NO_SUCH_VARIABLE, which is not set")]
    [InlineData("""{ "destinations": { "a": { "command": "rm -rf" } }, "rules": [] }""", "no shell reads it")]
    [InlineData("""{ "destinations": { "a": { "file": "x", "timeout": "1s" } }, "rules": [] }""", "destinations.a.timeout is not known")]
    [InlineData(
        """{ "destinations": { "a": { "file": "x", "give_up_after": "soon" } }, "rules": [] }""",
        "destinations.a.give_up_after is 'soon'; it must be never, or a duration from 1s")]
    [InlineData("""{ "destinations": { "a/b": { "file": "x" } }, "rules": [] }""", "a destination's name must be 1 to 64")]
    [InlineData("""R{ "name": "r" }""", "rules[0].to is missing")]
    [InlineData("""R{ "name": "r", "to": "lgo" }""", "rules[0].to is 'lgo', which is no destination. Did you mean 'log'?")]
    [InlineData("""R{ "name": "../r", "to": "log" }""", "rules[0].name is '../r'; it must be 1 to 64")]
    [InlineData("""R{ "name": "r", "to": "log", "label": ["Dog"] }""", "rules[0].label is not known. Did you mean 'labels'?")]
    [InlineData("""R{ "name": "r", "to": "log", "min_peak": 60 }""", "rules[0].min_peak is 60; it must be a number from 0 to 1")]
    [InlineData("""R{ "name": "r", "to": "log", "hours": "22-6" }""", "rules[0].hours is '22-6'; it must be two different times")]
    [InlineData("""R{ "name": "r", "to": "log", "hours": "06:00-06:00" }""", "rules[0].hours is '06:00-06:00'")]
    [InlineData("""R{ "name": "r", "to": "log", "days": "moon" }""", "rules[0].days is 'moon'")]
    [InlineData(
        """R{ "name": "r", "to": "log", "time_zone": "Europe/Berln" }""",
        "rules[0].time_zone is 'Europe/Berln', which this machine does not know (Debian's package tzdata has them). Did you mean 'Eur")]
    [InlineData("""R{ "name": "r", "to": "log", "cooldown": 5 }""", "rules[0].cooldown is 5; it must be a text")]
    [InlineData("""R{ "name": "r", "to": "log", "cooldown_per": "streams" }""", "rules[0].cooldown_per is 'streams'")]
    [InlineData("""R{ "name": "r", "to": "log", "first_of_day": "yes" }""", "rules[0].first_of_day is \"yes\"; it must be true or false")]
    [InlineData("""R{ "name": "r", "to": "log", "when": "soon" }""", "rules[0].when is 'soon'; it must be begins or ends")]
    [InlineData("""R{ "name": "r", "to": "log", "when": "begins", "min_duration": "1s" }""", "min_duration is for rules that wait")]
    [InlineData("""R{ "name": "r", "to": "log", "from": "01.03.2026" }""", "rules[0].from is '01.03.2026'")]
    [InlineData("""R{ "name": "r", "to": "log", "labels": [""] }""", "rules[0].labels has an empty text")]
    [InlineData("""R{ "name": "r", "to": "log" }, { "name": "r", "to": "log" }""", "name 'r' is used twice")]
    public void What_is_wrong_is_said_with_its_place_its_value_and_the_rule(string text, string problem)
    {
        if (text[0] == 'R')
        {
            text = $$"""{ "destinations": { "log": { "file": "x" } }, "rules": [ {{text[1..]}} ] }""";
        }
        var refusal = Assert.Throws<FormatException>(() => Parse(text));
        Assert.Contains(problem, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Everything_that_is_wrong_is_said_at_once()
    {
        var refusal = Assert.Throws<FormatException>(
            () => Parse("""{ "destinations": { "a": { "file": "" } }, "rules": [ { "name": "", "to": "b" } ] }"""));
        Assert.Equal(4, refusal.Message.Split('\n').Length); // the file, and three problems
    }

    [Fact]
    public void A_secret_is_read_from_a_file_and_never_shown()
    {
        var file = Path.Combine(_directory.FullName, "secret");
        File.WriteAllText(file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
        string Text() => $$"""{ "destinations": { "a": { "webhook": "https://x", "secret_file": "{{file}}" } }, "rules": [] }""";
        var before = Parse(Text()).Destinations[0];
        Assert.Equal(2, Assert.IsType<WebhookSpec>(before).Secrets.Count); // an old one and a new one
        Assert.DoesNotContain("MfKQ9r8", before.Definition, StringComparison.Ordinal);

        File.WriteAllText(file, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        Assert.NotEqual(before.Definition, Parse(Text()).Destinations[0].Definition); // so that a new secret is taken up

        File.WriteAllText(file, "hunter2");
        Assert.DoesNotContain("hunter2", Assert.Throws<FormatException>(() => Parse(Text())).Message, StringComparison.Ordinal);
    }

    private static NotifyRules Parse(string text) => RuleFile.Parse(text, "rules.json", TimeProvider.System);
}
