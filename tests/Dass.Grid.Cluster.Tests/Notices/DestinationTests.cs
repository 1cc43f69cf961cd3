using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Notify;
using Dass.Grid.Notify.Delivery;
using Dass.Grid.Notify.Rules;
using StandardWebhooks;
using static Dass.Grid.Cluster.Tests.Notices.RuleDecisionTests;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>What receivers get, and what an answer means.</summary>
public sealed class DestinationTests : IDisposable
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string OldSecret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    private static readonly Notice Bark = Notice.From("dogs", Heard("2026-03-01T12:00:00.5Z", seconds: 2.5));

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-deliver-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task A_webhook_is_signed_as_Standard_Webhooks_has_it_with_each_secret()
    {
        var file = Path.Combine(_directory.FullName, "secret");
        File.WriteAllText(file, $"{Secret}\n{OldSecret}\n");
        await using var receiver = await WebhookReceiver.StartAsync();
        Assert.Equal(DeliveryOutcome.Delivered, await SendAsync(Webhook(receiver, $"\"secret_file\": \"{file}\"")));

        var message = Assert.Single(receiver.All);
        // The package reads the first of several signatures alone.
        var signatures = message.Headers["webhook-signature"].ToString().Split(' ');
        Assert.Equal(2, signatures.Length);
        foreach (var (key, signature) in ((string[])[Secret, OldSecret]).Zip(signatures))
        {
            message.Headers["webhook-signature"] = signature;
            new StandardWebhook(key).Verify(message.Body, message.Headers);
            Assert.ThrowsAny<Exception>(() => new StandardWebhook(key).Verify(message.Body + " ", message.Headers));
        }
        Assert.Equal(Bark.Id, message.Id);
        Assert.Matches("^evt_[0-9a-f]{32}$", message.Id);
        Assert.Equal("application/json", message.Headers["Content-Type"].ToString());

        var json = JsonDocument.Parse(message.Body).RootElement;
        Assert.Equal("sound.ended", json.GetProperty("type").GetString());
        Assert.Equal("2026-03-01T12:00:03Z", json.GetProperty("timestamp").GetString());
        Assert.Equal(("dogs", "yard", "Dog"), (message.Data.GetProperty("rule").GetString(), message.Stream, message.Label));
        Assert.Equal(2.5, message.Data.GetProperty("duration_seconds").GetDouble());
        Assert.Equal(0.9f, message.Data.GetProperty("peak_score").GetSingle());
    }

    [Fact]
    public async Task The_id_is_a_function_of_the_event_and_the_rule()
    {
        await Task.CompletedTask;
        var kept = Heard("2026-03-01T12:00Z");
        Assert.Equal(Notice.From("dogs", kept).Id, Notice.From("dogs", kept.Clone()).Id);
        Assert.NotEqual(Notice.From("dogs", kept).Id, Notice.From("cats", kept).Id);
        Assert.NotEqual(Notice.From("dogs", kept).Id, Notice.From("dogs", Heard("2026-03-01T12:00Z", id: "0-1")).Id);
        Assert.NotEqual(Notice.From("dogs", kept).Id, Notice.From("dogs", Heard("2026-03-01T12:00Z", stream: "street")).Id);
        Assert.NotEqual(Notice.From("dogs", kept).Id, Notice.From("dogs", Heard("2026-03-02T12:00Z")).Id); // the stream began again
    }

    [Theory]
    [InlineData(200, nameof(DeliveryKind.Delivered))]
    [InlineData(204, nameof(DeliveryKind.Delivered))]
    [InlineData(302, nameof(DeliveryKind.Failed))] // redirects are not followed
    [InlineData(400, nameof(DeliveryKind.Refused))]
    [InlineData(404, nameof(DeliveryKind.Refused))]
    [InlineData(410, nameof(DeliveryKind.Refused))]
    [InlineData(408, nameof(DeliveryKind.Failed))]
    [InlineData(425, nameof(DeliveryKind.Failed))]
    [InlineData(429, nameof(DeliveryKind.Failed))]
    [InlineData(500, nameof(DeliveryKind.Failed))]
    [InlineData(503, nameof(DeliveryKind.Failed))]
    public async Task A_status_says_whether_to_try_again(int status, string expected)
    {
        await using var elsewhere = await WebhookReceiver.StartAsync();
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = context =>
        {
            context.Response.Headers.Location = elsewhere.Address.ToString();
            context.Response.Headers.RetryAfter = "7";
            return Task.FromResult(status);
        };
        var outcome = await SendAsync(Webhook(receiver));
        Assert.Equal(expected, outcome.Kind.ToString());
        Assert.Empty(elsewhere.All);
        if (outcome.Kind == DeliveryKind.Failed)
        {
            Assert.Equal(TimeSpan.FromSeconds(7), outcome.RetryAfter);
            Assert.Contains($"{status}", outcome.Reason, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_receiver_that_hangs_or_is_away_or_answers_without_end_has_failed()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        using var over = new CancellationTokenSource();
        receiver.Answer = async _ =>
        {
            await Task.Delay(Timeout.Infinite, over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return 200;
        };
        Assert.Equal("no answer within 1 s.", (await SendAsync(Webhook(receiver, "\"timeout\": \"1s\""))).Reason);
        receiver.Answer = async context =>
        {
            context.Response.StatusCode = 500;
            while (!context.RequestAborted.IsCancellationRequested)
            {
                await context.Response.Body.WriteAsync(new byte[65_536]);
            }
            return 500;
        };
        Assert.Equal(DeliveryKind.Failed, (await SendAsync(Webhook(receiver))).Kind);
        await over.CancelAsync();
        var away = Webhook(receiver);
        await receiver.DisposeAsync();
        var outcome = await SendAsync(away);
        Assert.Equal(DeliveryKind.Failed, outcome.Kind);
        Assert.Contains("refused", outcome.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_chat_gets_the_body_that_it_wants()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await SendAsync(Webhook(receiver, """
            "headers": { "Authorization": "Bearer x" }, "body": { "text": "{label} \"heard\" on {stream_id}", "n": [1, "{rule}"] }
            """));
        await SendAsync(Webhook(receiver, """ "headers": { "Title": "Hörsaal ♪" }, "body": "{label} for {duration_seconds} s" """));

        Assert.Equal("""{"text":"Dog \"heard\" on yard","n":[1,"dogs"]}""", receiver.All[0].Body);
        Assert.Equal("Bearer x", receiver.All[0].Headers["Authorization"].ToString());
        Assert.Equal("Dog for 2.50 s", receiver.All[1].Body);
        Assert.Equal("Hörsaal ♪", receiver.All[1].Headers["Title"].ToString());
        Assert.StartsWith("text/plain", receiver.All[1].Headers["Content-Type"].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_gets_the_event_on_its_input_and_in_its_environment_and_no_shell_reads_it()
    {
        var output = Path.Combine(_directory.FullName, "out");
        var notice = Bark with { StreamId = "$(touch hacked)", Label = "; exit 1" };
        var outcome = await SendAsync(
            Command("/bin/sh", "-c", "cat > $1; echo \"$DASS_LABEL|$DASS_STREAM_ID|$2\" >> $1", "sh", output, "a b; c"), notice);
        Assert.Equal(DeliveryOutcome.Delivered, outcome);
        var lines = File.ReadAllLines(output);
        Assert.Equal(Encoding.UTF8.GetString(notice.Payload()), lines[0]);
        Assert.Equal("; exit 1|$(touch hacked)|a b; c", lines[1]);
        Assert.False(File.Exists("hacked"));
    }

    [Theory]
    [InlineData("exit 0", nameof(DeliveryKind.Delivered), "")]
    [InlineData("echo it is full >&2; exit 1", nameof(DeliveryKind.Failed), "/bin/sh ended with 1. it is full")]
    [InlineData("exit 65", nameof(DeliveryKind.Refused), "/bin/sh ended with 65.")]
    [InlineData("head -c 10000000 /dev/zero", nameof(DeliveryKind.Delivered), "")] // its output blocks nothing
    public async Task An_exit_code_says_whether_to_try_again(string script, string expected, string reason)
    {
        var outcome = await SendAsync(Command("/bin/sh", "-c", script));
        Assert.Equal((expected, reason), (outcome.Kind.ToString(), outcome.Reason));
    }

    [Fact]
    public async Task A_command_that_takes_too_long_is_ended_with_its_children()
    {
        var file = Path.Combine(_directory.FullName, "pid");
        var spec = (CommandSpec)Command("/bin/sh", "-c", $"sleep 100 & echo $! > {file}; wait");
        var outcome = await SendAsync(spec with { Timeout = TimeSpan.FromSeconds(3) });
        Assert.Equal("/bin/sh had not ended after 3 s, and was ended.", outcome.Reason);
        var child = int.Parse(File.ReadAllText(file), System.Globalization.CultureInfo.InvariantCulture);
        await TestGrid.UntilAsync(() => !IsRunning(child));

        Assert.Contains("cannot be run", (await SendAsync(Command("/no/such/program"))).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_gets_a_line_for_each_message_also_behind_a_torn_one()
    {
        var path = Path.Combine(_directory.FullName, "events.jsonl");
        File.WriteAllText(path, "{\"torn\":");
        var spec = new FileSpec { Name = "log", Path = path };
        await SendAsync(spec);
        await SendAsync(spec, Bark with { Label = "Cat" });

        var lines = File.ReadAllLines(path);
        Assert.Equal(3, lines.Length);
        Assert.Equal("Cat", JsonDocument.Parse(lines[2]).RootElement.GetProperty("data").GetProperty("label").GetString());
        Assert.Equal(
            DeliveryKind.Failed, (await SendAsync(new FileSpec { Name = "log", Path = "/no/such/directory/x" })).Kind);
    }

    private static bool IsRunning(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return File.ReadAllText($"/proc/{id}/stat").Split(' ')[2] != "Z";
        }
        catch (Exception gone) when (gone is ArgumentException or IOException)
        {
            return false;
        }
    }

    private static DestinationSpec Webhook(WebhookReceiver receiver, string more = "\"parallel\": 1") =>
        Spec($$"""{ "webhook": "{{receiver.Address}}hook?token=x", {{more}} }""");

    internal static DestinationSpec Command(params string[] command) => Spec($$"""{ "command": {{JsonSerializer.Serialize(command)}} }""");

    private static DestinationSpec Spec(string text) => RuleFile.Parse(
        $$"""{ "destinations": { "it": {{text}} }, "rules": [] }""", "rules.json", TimeProvider.System).Destinations[0];

    internal static async Task<DeliveryOutcome> SendAsync(DestinationSpec spec, Notice? notice = null)
    {
        await using var destination = IDestination.Create(spec);
        return await destination.SendAsync(notice ?? Bark, CancellationToken.None);
    }
}
