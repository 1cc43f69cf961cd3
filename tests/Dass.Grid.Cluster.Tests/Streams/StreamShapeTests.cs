using Dass.Grid.Contracts;

namespace Dass.Grid.Cluster.Tests.Streams;

public sealed class StreamShapeTests
{
    [Fact]
    public void A_stream_is_requested_again_with_its_shape_and_the_same_rules()
    {
        var rule = new SoundEventRule(On: 0.7f, Off: null, MinDuration: null, MergeGap: null);
        var shape = new StreamShape(
            new AudioShape(AudioEncoding.Pcm16, 16_000, 1),
            BytesPerFrame: 2,
            new ModelSummary("small", "a", LabelCount: 2, Note: "", IsDefault: false),
            TimeSpan.FromSeconds(1.92),
            TimeSpan.Zero)
        {
            Alias = "best", Captured = DateTimeOffset.UnixEpoch,
        };
        var again = shape.ToSpec(
            new StreamSpec { Model = "other", SwitchModel = true, Events = rule, LabelEvents = new() { ["Dog"] = rule } });

        Assert.Equal(
            (shape.Format, "small", shape.Chunk, shape.LookAhead, "best", shape.Captured, false),
            (again.Format, again.Model, again.Chunk, again.LookAhead, again.Alias, again.Captured, again.SwitchModel));
        Assert.Equal((rule, rule), (again.Events, again.LabelEvents!["Dog"]));
    }
}
