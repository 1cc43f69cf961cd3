using Dass.Grid.Host;
using Microsoft.Extensions.DependencyInjection;

namespace Dass.Grid.Cluster.Tests.Operations;

public sealed class FailedStartTests
{
    [Fact]
    public async Task What_has_started_of_a_grid_that_cannot_start_is_stopped()
    {
        var participant = new Participant();
        var settings = new Dictionary<string, string?> { ["Grid:Models:none:ModelDirectory"] = "/nowhere" };
        await Assert.ThrowsAnyAsync<Exception>(() => EmbeddedGrid.StartAsync(
            settings, builder => builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(participant)));
        Assert.Equal((true, true), (participant.Started, participant.Stopped));
    }

    private sealed class Participant : ILifecycleParticipant<ISiloLifecycle>
    {
        public bool Started { get; private set; }

        public bool Stopped { get; private set; }

        public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
            nameof(FailedStartTests),
            ServiceLifecycleStage.RuntimeInitialize,
            _ => Task.FromResult(Started = true),
            _ => Task.FromResult(Stopped = true));
    }
}
