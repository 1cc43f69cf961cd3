using System.Diagnostics;
using Dass.Grid.Grains;

namespace Dass.Grid.Cluster.Tests.Durability;

public sealed class StreamGaugeTests
{
    [Fact]
    public void Audio_is_unsaved_until_a_checkpoint_that_has_it_is_in_the_store()
    {
        var gauge = new StreamGauge();
        gauge.OnPushed();
        var first = gauge.UnsavedSince;
        Assert.True(first > 0);

        gauge.OnPushed(); // a checkpoint that hangs or fails changes nothing
        Assert.Equal(first, gauge.UnsavedSince);

        gauge.OnSaved(by: first); // the second push came after its bytes had been made
        Assert.Equal(first, gauge.UnsavedSince);
        gauge.OnSaved(by: Stopwatch.GetTimestamp());
        Assert.Equal(0, gauge.UnsavedSince);
    }

    [Fact]
    public void The_oldest_of_all_streams_counts()
    {
        var (gauges, old, young) = (new StreamGauges(), new StreamGauge(), new StreamGauge());
        Assert.Equal((0, 0), gauges.UnsavedSeconds());
        old.UnsavedSince = Stopwatch.GetTimestamp() - (100 * Stopwatch.Frequency);
        young.OnPushed();
        gauges.Add(old);
        gauges.Add(young);
        Assert.InRange(gauges.UnsavedSeconds().Max, 100, 1_000);
        gauges.Remove(old);
        Assert.InRange(gauges.UnsavedSeconds().Max, 0, 99);
    }
}
