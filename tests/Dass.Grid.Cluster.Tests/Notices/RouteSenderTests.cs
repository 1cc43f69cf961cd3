using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Notify;
using Dass.Grid.Notify.Delivery;
using Dass.Grid.Notify.Routes;
using Dass.Grid.Notify.Rules;
using Dass.Grid.Notify.State;
using Microsoft.Extensions.Time.Testing;
using static Dass.Grid.Cluster.Tests.Notices.RuleDecisionTests;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>What becomes of a message when its route is in trouble.</summary>
public sealed class RouteSenderTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-sender-");
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task A_message_that_cannot_be_settled_comes_back_after_a_fault_of_any_kind()
    {
        var rule = Parse("""{ "name": "dogs", "to": "log" }""");
        var spec = new FileSpec { Name = "log", Path = "x", Parallel = 1 };
        var journal = new RouteJournal(Path.Combine(_directory.FullName, "journal"), rule, TimeSpan.FromDays(9), _time);
        journal.Dispose(); // which is no fault of the disk
        var (destination, status) = (new CountingDestination(), new RouteStatus(rule, spec, _time));
        var dead = new DeadLetters(Path.Combine(_directory.FullName, "dead"), _time);
        var sender = new RouteSender(spec, destination, journal, dead, status, SendPauses.Default, _time);
        using var stop = new CancellationTokenSource();
        var sending = sender.RunAsync(stop.Token);
        sender.Add([Notice.From("dogs", Heard("2026-03-01T12:00Z"))]);
        await TestGrid.UntilAsync(() => destination.Sent > 2, () =>
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            return Task.Delay(1);
        });
        Assert.Equal(RouteState.NoState, status.Report(waiting: 1).State);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
    }

    private sealed class CountingDestination : IDestination
    {
        public int Sent { get; private set; }

        public Task<DeliveryOutcome> SendAsync(Notice notice, CancellationToken cancellationToken)
        {
            Sent++;
            return Task.FromResult(DeliveryOutcome.Delivered);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
