using Dass.Grid.Cli.Load;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Cli;

public class LoadMeterTests
{
    private const int Piece = 1_600; // samples, 0.1 s

    [Fact]
    public void Latency_runs_from_when_audio_was_due_also_when_the_sender_began_late()
    {
        var time = new FakeTimeProvider();
        var tally = new LoadTally(tenant: null);
        var meter = new LoadMeter(tally, realtime: true, _ => { }, time);
        meter.OnReady(new Ready { Format = new AudioFormat { SampleRateHz = 16_000 }, LookAhead = new Duration() });

        // The first piece was due at 0.1 s, and goes out with five more at 0.6 s; the others are in time.
        time.Advance(TimeSpan.FromSeconds(0.6));
        for (var piece = 1; piece <= 10; piece++)
        {
            meter.OnSent(piece * Piece);
            time.Advance(TimeSpan.FromSeconds(piece >= 6 ? 0.1 : 0));
        }
        time.Advance(TimeSpan.FromSeconds(0.15)); // 1.25 s
        meter.OnTags(new Tags { EndSeconds = 0.96 });

        Assert.Equal(0.25, tally.Latencies.Max!.Value, 1e-6);
    }
}
