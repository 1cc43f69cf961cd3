using System.Diagnostics;
using System.Text.Json;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Tests;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary><c>dass notify</c> as a script and an operator run it, and the same inside a host.</summary>
public sealed class NotifyCommandTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-notify-");

    private string Rules => Path.Combine(_directory.FullName, "rules.json");

    private string State => Path.Combine(_directory.FullName, "state");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task It_goes_on_after_a_kill_and_sends_everything()
    {
        await using var grid = await TestGrid.StartAsync();
        await using var receiver = await WebhookReceiver.StartAsync();
        var log = new LogOfEvents(grid);
        Write(receiver);
        receiver.Answer = async _ =>
        {
            await Task.Delay(20);
            return 200;
        };
        string[] command = ["notify", Rules, "--grid", $"{grid.Host.Address}", "--state", State, "--format", "json"];
        using (var first = Dass.Start([], command))
        {
            Assert.Contains("\"state\":\"ready\"", await first.LineAsync(), StringComparison.Ordinal);
            await TestGrid.UntilAsync(() => File.Exists(Path.Combine(State, "all@hook.journal")));
            await Task.WhenAll(Enumerable.Range(0, 50).Select(
                i => log.AddAsync($"yard-{i % 3}", $"0-{i}", TimeSpan.FromSeconds(-i / 10.0), seconds: 0.5)));
            await TestGrid.UntilAsync(() => receiver.Taken.Length > 10);
        } // SIGKILL
        await Task.WhenAll(Enumerable.Range(50, 10).Select(
            i => log.AddAsync($"yard-{i % 3}", $"0-{i}", TimeSpan.FromSeconds(-i / 10.0), seconds: 0.5)));
        using var second = Dass.Start([], command);
        await TestGrid.UntilAsync(() => receiver.Taken.DistinctBy(message => message.Id).Count() == 60);
        second.Terminate();
        Assert.Equal(130, (await second.ResultAsync()).ExitCode);
    }

    [Fact]
    public async Task An_operator_checks_tests_and_dry_runs_and_nothing_is_kept_of_it()
    {
        await using var grid = await TestGrid.StartAsync();
        await using var receiver = await WebhookReceiver.StartAsync();
        var log = new LogOfEvents(grid);
        await log.AddAsync("yard", "0-0", TimeSpan.FromMinutes(30), peak: 0.9f);
        await log.AddAsync("yard", "0-1", TimeSpan.FromMinutes(29), peak: 0.9f);
        await log.AddAsync("yard", "0-2", TimeSpan.FromMinutes(20), peak: 0.9f);
        Write(receiver, """ "labels": ["Dog"], "cooldown": "5m" """);

        var check = await Dass.RunAsync("notify", Rules, "--check", "--grid", $"{grid.Host.Address}");
        Assert.Equal((0, $"{Rules}: 1 rules, nothing is wrong.\n"), (check.ExitCode, check.Output));

        var dry = await Dass.RunAsync("notify", Rules, "--dry-run", "--from", "-1h", "--grid", $"{grid.Host.Address}", "--format", "json");
        Assert.Equal(0, dry.ExitCode);
        Assert.Equal([true, false, true], dry.Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("sent").GetBoolean()));
        Assert.Contains("within the cooldown", dry.Lines[1], StringComparison.Ordinal);
        Assert.Empty(receiver.All);

        var test = await Dass.RunAsync("notify", Rules, "--test", "all");
        Assert.Equal(0, test.ExitCode);
        Assert.Equal("sound.test", JsonDocument.Parse(Assert.Single(receiver.Taken).Body).RootElement.GetProperty("type").GetString());

        receiver.Answer = _ => Task.FromResult(500);
        var fails = await Dass.RunAsync("notify", Rules, "--test", "all");
        Assert.Equal(1, fails.ExitCode);
        Assert.Contains("does not have it: it answers 500", fails.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(State));

        var unknown = await Dass.RunAsync("notify", Rules, "--test", "al");
        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains("there is no rule 'al'. Did you mean 'all'?", unknown.Errors, StringComparison.Ordinal);

        Write(receiver, """ "labels": ["Dgo"] """);
        var label = await Dass.RunAsync("notify", Rules, "--check", "--grid", $"{grid.Host.Address}");
        Assert.Equal(1, label.ExitCode);
        Assert.Contains("rule all: ", label.Errors, StringComparison.Ordinal);
        Assert.Contains("Dgo", label.Errors, StringComparison.Ordinal);

        var both = await Dass.RunAsync("notify", Rules, "--check", "--dry-run");
        Assert.Equal(2, both.ExitCode);
    }

    [Fact]
    public async Task A_host_sends_messages_by_its_configuration()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        Write(receiver);
        await using var grid = await TestGrid.StartAsync(
            new() { ["Grid:Notify:Rules"] = Rules, ["Grid:Notify:StateDirectory"] = State });
        await TestGrid.UntilAsync(() => File.Exists(Path.Combine(State, "all@hook.journal")));
        await new LogOfEvents(grid).AddAsync("yard", "0-0", TimeSpan.Zero);
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 1);

        await File.WriteAllTextAsync(Rules, "{}");
        var refusal = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(
            () => TestGrid.StartAsync(new() { ["Grid:Notify:Rules"] = Rules, ["Grid:Notify:StateDirectory"] = State }));
        Assert.Contains("Grid:Notify:Rules", refusal.Message, StringComparison.Ordinal);

        Write(receiver);
        refusal = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(
            () => TestGrid.StartAsync(new() { ["Grid:Notify:Rules"] = Rules, ["Grid:Notify:StateDirectory"] = "/dev/null/state" }));
        Assert.Contains("Grid:Notify:StateDirectory is '/dev/null/state', which cannot be used", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_reads_its_key_again_when_the_file_changes()
    {
        const string Key = "0123456789abcdef";
        var file = Path.Combine(_directory.FullName, "key");
        await File.WriteAllTextAsync(file, "fedcba9876543210");
        await using var receiver = await WebhookReceiver.StartAsync();
        Write(receiver);
        await using var grid = await TestGrid.StartAsync(new()
        {
            ["Grid:Notify:Rules"] = Rules,
            ["Grid:Notify:StateDirectory"] = State,
            ["Grid:Notify:KeyFile"] = file,
            ["Tenants:default:KeyHashes:0"] = KeyHash.Create(Key).ToString(),
        });
        await TestGrid.UntilAsync(() => File.Exists(Path.Combine(State, "all@hook.journal")));
        await new LogOfEvents(grid).AddAsync("yard", "0-0", TimeSpan.Zero);
        await File.WriteAllTextAsync(file, $"{Key}\n");
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddSeconds(2)); // also on a file system of whole seconds
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 1);
    }

    /// <summary>The check of a signature that the page shows to people is right.</summary>
    [NeedsFact("/usr/bin/python3", "python3")]
    public async Task The_python_of_the_page_verifies_messages()
    {
        var page = await File.ReadAllTextAsync(Path.Combine(Sources.Src, "Dass.Grid.Notify", "README.md"));
        var python = page.Split("```python")[1].Split("```")[0];
        var secret = Path.Combine(_directory.FullName, "secret");
        await File.WriteAllTextAsync(secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        await using var receiver = await WebhookReceiver.StartAsync();
        await File.WriteAllTextAsync(Rules, $$"""
            { "destinations": { "hook": { "webhook": "{{receiver.Address}}", "secret_file": "{{secret}}" } },
              "rules": [ { "name": "all", "to": "hook" } ] }
            """);
        await Dass.RunAsync("notify", Rules, "--test", "all");
        var message = Assert.Single(receiver.Taken);
        var headers = message.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString());
        var script = $$"""
            {{python}}
            import json, sys
            headers, body = json.loads(sys.argv[1]), sys.argv[2].encode()
            secret = open(sys.argv[3]).read()
            late = {**headers, "webhook-timestamp": "1"}
            print(verify(secret, headers, body), verify(secret, headers, body + b" "), verify(secret, late, body))
            """;
        using var run = Process.Start(new ProcessStartInfo(
            "/usr/bin/python3", ["-c", script, JsonSerializer.Serialize(headers), message.Body, secret])
        {
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("True False False", (await run.StandardOutput.ReadToEndAsync()).Trim());
    }

    private void Write(WebhookReceiver receiver, string more = "\"min_peak\": 0") => File.WriteAllText(Rules, $$"""
        { "destinations": { "hook": { "webhook": "{{receiver.Address}}" } }, "rules": [ { "name": "all", "to": "hook", {{more}} } ] }
        """);
}
