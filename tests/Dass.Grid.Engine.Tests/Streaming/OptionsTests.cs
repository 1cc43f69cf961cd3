using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Tests.Streaming;

public class OptionsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.31)]
    [InlineData(0.97)]
    [InlineData(31.04)]
    public void A_chunk_off_its_grid_is_refused_with_field_value_and_rule(double seconds)
    {
        var error = Assert.Throws<ArgumentException>(() => new StreamSessionOptions { Chunk = TimeSpan.FromSeconds(seconds) }.Validate());
        Assert.Contains("StreamSessionOptions.Chunk", error.Message);
        Assert.Contains(FormattableString.Invariant($"{seconds} s"), error.Message);
        Assert.Contains("multiple of 0.32 s", error.Message);
    }

    [Theory]
    [InlineData(-0.01)]
    [InlineData(0.005)]
    [InlineData(30.73)]
    public void A_look_ahead_off_its_grid_is_refused(double seconds) =>
        Assert.Contains(
            "LookAhead",
            Assert.Throws<ArgumentException>(
                () => new StreamSessionOptions { LookAhead = TimeSpan.FromSeconds(seconds) }.Validate()).Message);

    [Fact]
    public void The_ends_of_the_ranges_are_allowed()
    {
        EngineFixture.Options(32, 0).Validate();
        EngineFixture.Options(3072, 3072).Validate();
        new EngineOptions().Validate();
    }

    [Fact]
    public async Task Every_broken_engine_option_is_named_at_start()
    {
        var options = new EngineOptions
        {
            MaxStreams = 0,
            Threads = -1,
            MaxBacklog = TimeSpan.Zero,
            MaxOfflineAudio = TimeSpan.FromDays(1),
            Batcher = { MaxBatch = 3, QueueCapacity = -1, MaxWait = TimeSpan.FromSeconds(-1) },
        };
        var error = await Assert.ThrowsAsync<ArgumentException>(() => StreamEngine.StartAsync(options));
        Assert.All(
            [
                "MaxStreams is 0", "Threads is -1", "MaxBacklog is 0 s", "MaxOfflineAudio is 86400 s", "MaxBatch is 3",
                "QueueCapacity is -1", "MaxWait is -1 s",
            ],
            named => Assert.Contains(named, error.Message));
    }
}
