using System.Text.Json;
using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Notify.Routes;
using Dass.Grid.Notify.Rules;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>Rules against a real grid and a real receiver: nothing is missed.</summary>
public sealed class NotifyServiceTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-notify-");
    private readonly StoreFolder _store = new();

    private string Rules => Path.Combine(_directory.FullName, "rules.json");

    private string DeadLetters => Path.Combine(_directory.FullName, "state", "dead-letters", "all@hook.jsonl");

    public void Dispose()
    {
        _directory.Delete(recursive: true);
        _store.Dispose();
    }

    [Fact]
    public async Task All_events_of_a_stream_become_messages_in_the_order_of_their_ends()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var running = Run(grid, receiver);
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("yard"));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();

        var closed = feed.Events.Where(sound => sound.Kind == V1.EventKind.Closed).ToArray();
        await TestGrid.UntilAsync(() => receiver.Taken.Length >= closed.Length);
        Assert.Equal(
            closed.Select(sound => sound.Id).Order(), Ids(receiver).Order());
        var ends = receiver.Taken.Select(message => message.Data.GetProperty("offset_seconds").GetDouble()).ToArray();
        Assert.Equal(ends.Order(), ends);
    }

    [Fact]
    public async Task Events_that_are_added_behind_what_has_been_read_are_found()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        var log = new LogOfEvents(grid);
        await using var running = Run(grid, receiver, sweep: TimeSpan.FromSeconds(1));
        await log.AddAsync("yard", "0-9", TimeSpan.Zero);
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 1);
        // One that began before all of them, one before the minutes that are read often, and one of a stream that owed it for a day.
        await log.AddAsync("yard", "0-1", TimeSpan.FromMinutes(2), seconds: 125);
        await log.AddAsync("yard", "0-2", TimeSpan.FromMinutes(40), seconds: 2405);
        await log.AddAsync("street", "0-3", TimeSpan.FromHours(20), seconds: 72_005);

        await TestGrid.UntilAsync(() => receiver.Taken.Length == 4);
        Assert.Equal(4, receiver.Taken.DistinctBy(message => message.Id).Count());
    }

    [Fact]
    public async Task A_rule_goes_on_where_it_was_and_finds_what_closed_meanwhile()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        var log = new LogOfEvents(grid);
        await log.AddAsync("yard", "0-0", TimeSpan.FromMinutes(1)); // before the rule
        await using (Run(grid, receiver))
        {
            await log.AddAsync("yard", "0-1", TimeSpan.Zero);
            await TestGrid.UntilAsync(() => receiver.Taken.Length == 1);
        }
        await log.AddAsync("yard", "0-2", TimeSpan.FromHours(2), seconds: 7205); // a long one
        await log.AddAsync("yard", "0-3", TimeSpan.Zero);
        await using var again = Run(grid, receiver);
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 3);
        Assert.Equal(["0-1", "0-2", "0-3"], Ids(receiver).Order());
    }

    [Fact]
    public async Task A_receiver_that_fails_gets_everything_later_in_order_and_a_refused_message_holds_up_none()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        var log = new LogOfEvents(grid);
        var up = false;
        receiver.Answer = async context =>
        {
            context.Request.Body = new MemoryStream();
            await Task.CompletedTask;
            return up ? 200 : 503;
        };
        await using var running = Run(grid, receiver);
        for (var i = 0; i < 5; i++)
        {
            var onset = TimeSpan.FromSeconds(-i);
            await Task.WhenAll(log.AddAsync("yard", $"0-{i}", onset, seconds: 0.5), log.AddAsync("street", $"0-{i}", onset, seconds: 0.5));
        }
        await TestGrid.UntilAsync(() => receiver.All.Length > 6);
        Assert.Equal(RouteState.Failing, running.Service.Reports[0].State);
        up = true;
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 10);
        foreach (var stream in receiver.Taken.GroupBy(message => message.Stream))
        {
            Assert.Equal(["0-0", "0-1", "0-2", "0-3", "0-4"], stream.Select(message => message.Data.GetProperty("event_id").GetString()));
        }

        receiver.Answer = _ => Task.FromResult(422);
        await log.AddAsync("yard", "0-6", TimeSpan.Zero, seconds: 0.1);
        await TestGrid.UntilAsync(() => running.Service.Reports[0].GivenUp == 1);
        receiver.Answer = _ => Task.FromResult(200);
        await log.AddAsync("yard", "0-7", TimeSpan.Zero, seconds: 0.1);
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 11);
        var dead = JsonDocument.Parse(Assert.Single(File.ReadAllLines(DeadLetters))).RootElement;
        Assert.Equal("0-6", dead.GetProperty("message").GetProperty("data").GetProperty("event_id").GetString());
        Assert.Contains("422", dead.GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(1, dead.GetProperty("attempts").GetInt32());
    }

    [Fact]
    public async Task A_message_that_fails_for_too_long_is_given_up()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = _ => Task.FromResult(500);
        await using var running = Run(grid, receiver, "\"give_up_after\": \"1s\"");
        await new LogOfEvents(grid).AddAsync("yard", "0-0", TimeSpan.Zero);
        await TestGrid.UntilAsync(() => running.Service.Reports[0].GivenUp == 1);
        Assert.True(receiver.All.Length > 1, "It was tried once.");
        Assert.Single(File.ReadAllLines(DeadLetters));
    }

    [Fact]
    public async Task While_too_many_messages_wait_no_events_are_read_and_none_is_lost()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        receiver.Answer = _ => Task.FromResult(500);
        var log = new LogOfEvents(grid);
        await using var running = Run(grid, receiver, most: 10);
        await Task.WhenAll(Enumerable.Range(0, 300).Select(
            i => log.AddAsync($"yard-{i % 20}", $"0-{i}", TimeSpan.FromSeconds(-i / 100.0), seconds: 0.01)));
        await TestGrid.UntilAsync(() => running.Service.Reports[0].State == RouteState.Full);
        Assert.InRange(running.Service.Reports[0].Waiting, 10, 10 + 100);
        receiver.Answer = _ => Task.FromResult(200);
        await TestGrid.UntilAsync(() => receiver.Taken.Length >= 300);
        Assert.Equal(300, receiver.Taken.DistinctBy(message => message.Id).Count());
    }

    [Fact]
    public async Task A_changed_file_changes_the_rules_that_it_changes_and_a_broken_one_none()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        var log = new LogOfEvents(grid);
        await using var running = Run(grid, receiver, labels: ["Dog"]);
        await log.AddAsync("yard", "0-0", TimeSpan.Zero, label: "Cat");
        await log.AddAsync("yard", "0-1", TimeSpan.Zero);
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 1);

        Write(receiver, labels: ["Digeridoo of Mars"]);
        await TestGrid.UntilAsync(() => running.Notes.Any(note => note.Contains("Digeridoo", StringComparison.Ordinal)));
        await File.WriteAllTextAsync(Rules, "{");
        await TestGrid.UntilAsync(() => running.Notes.Any(note => note.Contains("line 1", StringComparison.Ordinal)));
        await log.AddAsync("yard", "0-2", TimeSpan.Zero);
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 2);

        Write(receiver, labels: ["Cat"]);
        await TestGrid.UntilAsync(() => running.Notes.Any(note => note.EndsWith("1 rules.", StringComparison.Ordinal)));
        await log.AddAsync("yard", "0-3", TimeSpan.Zero, label: "Cat");
        await TestGrid.UntilAsync(() => Ids(receiver).Contains("0-3"));
        Assert.DoesNotContain("Dog", receiver.Taken.Skip(2).Select(message => message.Label));
    }

    [Fact]
    public async Task A_file_that_changes_while_the_grid_is_away_counts_when_it_is_back()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var relay = new HoldingRelay(grid.Host.Address, away: true);
        await using var running = Run(grid, receiver, labels: ["Dog"], address: relay.Address);
        await TestGrid.UntilAsync(() => running.Service.Reports.Count == 1); // the file has been read
        Write(receiver, labels: ["Cat"]);
        await TestGrid.UntilAsync(() => running.Notes.Any(note => note.Contains("when the grid is there", StringComparison.Ordinal)));
        relay.Pass();
        await TestGrid.UntilAsync(() => running.Notes.Any(note => note.EndsWith("1 rules.", StringComparison.Ordinal)));
        await new LogOfEvents(grid).AddAsync("yard", "0-1", TimeSpan.Zero, label: "Cat");
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 1);
        Assert.Single(running.Notes, note => note.Contains("when the grid is there", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_state_directory_has_one_user()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var running = Run(grid, receiver);
        using var client = new GridClient(grid.Host.Address);
        var options = new NotifyOptions { StateDirectory = Path.Combine(_directory.FullName, "state") };
        Assert.Contains(
            "One 'dass notify' at a time", Assert.Throws<IOException>(() => new NotifyService(client, options)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rule_for_beginnings_tells_at_once_and_of_each_event_once()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        await using var running = Run(grid, receiver, rule: "\"when\": \"begins\"");
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("yard"));
        static bool Began(WebhookReceiver.Message message) => message.Body.Contains("\"sound.began\"", StringComparison.Ordinal);
        for (var times = 1; !receiver.Taken.Any(Began); times++) // what begins before the rule hears it is sent when it ends
        {
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.AppliedAsync((long)times * Babble.Samples);
        }
        Assert.True(receiver.Taken.First(Began).Data.GetProperty("began").GetBoolean());
        await feed.FinishAsync();

        var closed = feed.Events.Where(sound => sound.Kind == V1.EventKind.Closed).Select(sound => sound.Id).Order().ToArray();
        await TestGrid.UntilAsync(() => receiver.Taken.Length >= closed.Length);
        await new LogOfEvents(grid).AddAsync("street", "0-1", TimeSpan.Zero); // whose beginning was missed
        await TestGrid.UntilAsync(() => receiver.Taken.Any(message => message.Stream == "street"));
        Assert.Contains("\"sound.ended\"", receiver.Taken.Single(message => message.Stream == "street").Body, StringComparison.Ordinal);
        Assert.Equal(closed, receiver.Taken.Where(message => message.Stream == "yard")
            .Select(message => message.Data.GetProperty("event_id").GetString()).Order());
    }

    [Fact]
    public async Task A_microphone_that_is_lost_is_told_of_while_it_is()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var grid = await TestGrid.StartAsync(time, _store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        var running = Run(grid, receiver, labels: ["source.lost"], rule: "\"when\": \"begins\"");
        var config = Babble.Config("yard");
        config.Source = new V1.SourceRule { LostAfter = TimeSpan.FromSeconds(30).ToDuration() };
        using (var feed = await Feed.BeginAsync(grid.Client, config))
        {
            await feed.SendBabbleAsync(0, 4 * Babble.SampleRateHz);
            await feed.AppliedAsync(4 * Babble.SampleRateHz);
            await TestGrid.UntilAsync(() => receiver.Taken.Length == 1, Pass);
            var lost = receiver.Taken[0];
            Assert.Equal(("source.lost", true), (lost.Label, lost.Data.GetProperty("began").GetBoolean()));
            await feed.SendBabbleAsync(4 * Babble.SampleRateHz, 8 * Babble.SampleRateHz);
            await feed.FinishAsync();
            Assert.Single(feed.Events, sound => sound.LabelId == "source.lost" && sound.Kind == V1.EventKind.Closed);
        }
        // Its end is in the log, and so is a later event, which the rule sends: it has read both, and sent the first once.
        var kept = new V1.ListEventsRequest { Selection = new V1.EventSelection { Labels = { "source.lost" } } };
        await TestGrid.UntilAsync(async () => (await grid.Client.ListEventsAsync(kept)).Events.Count == 1, Pass);
        var adding = new LogOfEvents(grid).AddAsync("street", "0-1", TimeSpan.FromMinutes(-30), label: "source.lost");
        await TestGrid.UntilAsync(() => receiver.Taken.Any(message => message.Stream == "street"), Pass);
        await adding;
        await running.DisposeAsync();
        await grid.StopAsync(time);
        Assert.Equal(["yard", "street"], receiver.All.Select(message => message.Stream));

        Task Pass()
        {
            time.Advance(TimeSpan.FromSeconds(2));
            return Task.Delay(20);
        }
    }

    [Fact]
    public async Task A_rule_that_begins_later_tells_of_no_beginning_before()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        const string AndLater = """
            "when": "begins", "to": "hook" }, { "name": "later", "when": "begins", "from": "2100-01-01"
            """;
        await using var running = Run(grid, receiver, rule: AndLater);
        using var feed = await Feed.BeginAsync(grid.Client, Babble.Config("yard"));
        bool HasBegun() => receiver.Taken.Any(message => message.Body.Contains("\"sound.began\"", StringComparison.Ordinal));
        for (var times = 1; !HasBegun(); times++)
        {
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.AppliedAsync((long)times * Babble.Samples);
        }
        await feed.FinishAsync();
        var closed = feed.Events.Count(sound => sound.Kind == V1.EventKind.Closed);
        await TestGrid.UntilAsync(() => receiver.Taken.Length >= closed); // from the log, where the other rule has read them, too
        Assert.All(receiver.All, message => Assert.Equal("all", message.Data.GetProperty("rule").GetString()));
    }

    [Fact]
    public async Task A_machines_clock_that_is_set_back_delays_no_message()
    {
        await using var grid = await TestGrid.StartAsync(_store.Settings());
        await using var receiver = await WebhookReceiver.StartAsync();
        var clock = new SetClock();
        await using var running = Run(grid, receiver, clock: clock);
        var log = new LogOfEvents(grid);
        await log.AddAsync("yard", "0-1", TimeSpan.Zero);
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 1);
        clock.Set = TimeSpan.FromHours(-6);
        await log.AddAsync("yard", "0-2", TimeSpan.Zero);
        await TestGrid.UntilAsync(() => receiver.Taken.Length == 2);
    }

    private static string[] Ids(WebhookReceiver receiver) =>
        [.. receiver.Taken.Select(message => message.Data.GetProperty("event_id").GetString()!)];

    private void Write(
        WebhookReceiver receiver, string more = "\"parallel\": 4", string[]? labels = null, string rule = "\"when\": \"ends\"")
    {
        File.WriteAllText(Rules, $$"""
            { "destinations": { "hook": { "webhook": "{{receiver.Address}}", {{more}} } },
              "rules": [ { "name": "all", {{rule}}, "labels": {{JsonSerializer.Serialize(labels ?? [])}}, "to": "hook" } ] }
            """);
        File.SetLastWriteTimeUtc(Rules, DateTime.UtcNow.AddMilliseconds(Random.Shared.Next(1_000)));
    }

    private RunningRules Run(
        TestGrid grid, WebhookReceiver receiver, string more = "\"parallel\": 4", string[]? labels = null, int most = 1_000,
        TimeSpan? sweep = null, string rule = "\"when\": \"ends\"", Uri? address = null, TimeProvider? clock = null)
    {
        Write(receiver, more, labels, rule);
        var route = new RouteOptions
        {
            MaxWaiting = most,
            Sweep = sweep ?? TimeSpan.FromHours(1),
            Pauses = new SendPauses(TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(1)),
            Poll = TimeSpan.FromSeconds(0.2),
            Time = clock ?? TimeProvider.System,
        };
        var state = Path.Combine(_directory.FullName, "state");
        var options = new NotifyOptions { StateDirectory = state, Route = route, Look = TimeSpan.FromSeconds(0.2) };
        return new RunningRules(address ?? grid.Host.Address, Rules, options);
    }

    /// <summary>The machine's, which an operator sets while its timers run.</summary>
    private sealed class SetClock : TimeProvider
    {
        public TimeSpan Set { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Set;
    }

    private sealed class RunningRules : IAsyncDisposable
    {
        private readonly GridClient _client;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _work;

        public RunningRules(Uri grid, string path, NotifyOptions options)
        {
            _client = new GridClient(grid);
            Service = new NotifyService(_client, options with { Note = Notes.Enqueue });
            _work = RunAsync(path);
        }

        public System.Collections.Concurrent.ConcurrentQueue<string> Notes { get; } = new();

        public NotifyService Service { get; }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            try
            {
                await _work;
            }
            catch (OperationCanceledException)
            {
                // stopped before the rules were read
            }
            await Service.DisposeAsync();
            _client.Dispose();
            _stop.Dispose();
        }

        /// <summary>The journals are there when this returns its task: an event that ends from then on is not missed.</summary>
        private Task RunAsync(string path) => Service.RunAsync(path, RuleFile.Read(path), _stop.Token);
    }
}
