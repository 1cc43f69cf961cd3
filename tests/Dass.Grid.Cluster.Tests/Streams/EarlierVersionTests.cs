using Dass.Grid.Contracts;
using Dass.Grid.Grains.Placement;
using Dass.Grid.Grains.Sessions;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>Processes of two versions talk with each other while a grid is upgraded.</summary>
public sealed class EarlierVersionTests
{
    private readonly Serializer _serializer =
        new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();

    [Fact]
    public void Audio_of_a_gateway_that_says_nothing_of_losses_has_none()
    {
        var bytes = _serializer.SerializeToArray(new EarlierBlock(5, new byte[] { 1, 2 }));
        var block = _serializer.Deserialize<AudioBlock>(bytes)!;
        Assert.Equal((5, 2), (block.FirstSample, block.Data.Length));

        var shape = new StreamShape(
            new AudioShape(AudioEncoding.Pcm16, 16_000, 1), BytesPerFrame: 2, new ModelSummary(
                "m", "", LabelCount: 2, Note: "", IsDefault: false),
            TimeSpan.FromSeconds(0.96), TimeSpan.Zero);
        var lost = new LostAudio();
        lost.Add(block, from: 5, to: 6, shape);
        Assert.Empty(lost.Seconds);
    }

    [Fact]
    public void Audio_that_says_what_was_lost_is_read_by_a_silo_that_does_not_know_of_it()
    {
        var bytes = _serializer.SerializeToArray(new AudioBlock(5, new byte[] { 1, 2 }) { Lost = [new SampleSpan(5, 6)] });
        var block = _serializer.Deserialize<EarlierBlock>(bytes)!;
        Assert.Equal((5, 2), (block.FirstSample, block.Data.Length));
    }

    [Fact]
    public void Silos_that_report_rates_and_silos_that_do_not_read_each_others_reports()
    {
        var earlier = _serializer.Deserialize<SiloLoad>(_serializer.SerializeToArray(new EarlierLoad(256, 20, 3, false, ["tiny"])))!;
        Assert.Equal((256, 20, 3, false, 0.0), (earlier.Slots, earlier.Used, earlier.QueuedSteps, earlier.Draining, earlier.Rate));
        Assert.Equal(["tiny"], earlier.Models);

        var later = new SiloLoad(4000, 20, 3, true, ["tiny"]) { Rate = 16_000, Devices = ["H100"], DeviceMemory = 80L << 30, Busy = 0.5 };
        var read = _serializer.Deserialize<EarlierLoad>(_serializer.SerializeToArray(later))!;
        Assert.Equal((4000, 20, 3, true), (read.Slots, read.Used, read.QueuedSteps, read.Draining));
        Assert.Equal(["tiny"], read.Models);
        Assert.Equivalent(later, _serializer.Deserialize<SiloLoad>(_serializer.SerializeToArray(later)));
    }

    /// <summary>Its position is that of its bytes: such a silo refuses it as a gap, and never takes the bytes for what was lost.</summary>
    [Fact]
    public void Audio_behind_a_loss_keeps_its_place_at_a_silo_that_knows_of_no_loss()
    {
        var bytes = _serializer.SerializeToArray(new AudioBlock(5, new byte[] { 1, 2 }) { LostBefore = 3 });
        var block = _serializer.Deserialize<EarlierBlock>(bytes)!;
        Assert.Equal((5, 2), (block.FirstSample, block.Data.Length));
        Assert.Equal((2, 3), (_serializer.Deserialize<AudioBlock>(bytes)!.Start, _serializer.Deserialize<AudioBlock>(bytes)!.LostBefore));
    }
}

/// <summary>An <see cref="AudioBlock"/> as it was before it said what had been lost.</summary>
[GenerateSerializer, Immutable]
public sealed record EarlierBlock([property: Id(0)] long FirstSample, [property: Id(1)] ReadOnlyMemory<byte> Data);

/// <summary>A <see cref="SiloLoad"/> as it was before it said rates.</summary>
[GenerateSerializer, Immutable]
public sealed record EarlierLoad(
    [property: Id(0)] int Slots,
    [property: Id(1)] int Used,
    [property: Id(2)] int QueuedSteps,
    [property: Id(3)] bool Draining,
    [property: Id(4)] string[] Models);
