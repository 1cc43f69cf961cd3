using Dass.Grid.Notify.Rules;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>Which events become messages.</summary>
public sealed class RuleDecisionTests
{
    [Fact]
    public void Peak_and_duration_are_lower_bounds()
    {
        var decide = Decide("""{ "name": "r", "to": "log", "min_peak": 0.5, "min_duration": "2s" }""");

        Assert.Equal(Decision.TooQuiet, decide(Heard("2026-03-01T12:00Z", peak: 0.49f, seconds: 3)));
        Assert.Equal(Decision.TooShort, decide(Heard("2026-03-01T12:00Z", peak: 0.5f, seconds: 1.9)));
        Assert.Equal(Decision.Send, decide(Heard("2026-03-01T12:00Z", peak: 0.5f, seconds: 2)));
    }

    [Theory]
    // Berlin: UTC+1 in winter, +2 in summer. The clock goes from 01:59 to 03:00 on 29 March 2026, and from 02:59 to 02:00 on 25 October.
    [InlineData("2026-01-10T20:59Z", Decision.OutOfHours)]
    [InlineData("2026-01-10T21:00Z", Decision.Send)]
    [InlineData("2026-01-11T04:59Z", Decision.Send)]
    [InlineData("2026-01-11T05:00Z", Decision.OutOfHours)]
    [InlineData("2026-07-10T20:00Z", Decision.Send)]
    [InlineData("2026-07-11T04:00Z", Decision.OutOfHours)]
    [InlineData("2026-03-29T03:59Z", Decision.Send)]
    [InlineData("2026-03-29T04:00Z", Decision.OutOfHours)]
    [InlineData("2026-10-25T04:30Z", Decision.Send)]
    public void Hours_are_those_of_the_time_zone_also_over_midnight_and_when_the_clock_changes(string onset, object expected)
    {
        var decide = Decide("""{ "name": "r", "to": "log", "hours": "22:00-06:00", "time_zone": "Europe/Berlin" }""");
        Assert.Equal((Decision)expected, decide(Heard(onset)));
    }

    [Fact]
    public void Days_are_those_of_the_time_zone()
    {
        var decide = Decide("""{ "name": "r", "to": "log", "days": ["sat"], "time_zone": "Asia/Tokyo" }""");
        Assert.Equal(Decision.Send, decide(Heard("2026-11-27T15:00Z"))); // Friday in UTC
        Assert.Equal(Decision.OutOfHours, decide(Heard("2026-11-28T15:00Z")));
    }

    [Fact]
    public void A_cooldown_counts_from_the_last_event_that_was_sent_for_each_stream_and_label()
    {
        var decide = Decide("""{ "name": "r", "to": "log", "cooldown": "5m" }""");

        Assert.Equal(Decision.Send, decide(Heard("2026-03-01T12:00Z")));
        Assert.Equal(Decision.Cooldown, decide(Heard("2026-03-01T12:04:59Z")));
        Assert.Equal(Decision.Send, decide(Heard("2026-03-01T12:01Z", stream: "street")));
        Assert.Equal(Decision.Send, decide(Heard("2026-03-01T12:01Z", label: "Cat")));
        Assert.Equal(Decision.Send, decide(Heard("2026-03-01T12:05Z")));
        // One that is listed late is sent when it is far enough away, and moves nothing.
        Assert.Equal(Decision.Send, decide(Heard("2026-03-01T11:00Z")));
        Assert.Equal(Decision.Cooldown, decide(Heard("2026-03-01T12:09:59Z")));
    }

    [Theory]
    [InlineData("\"stream\"", Decision.Cooldown, Decision.Send)]
    [InlineData("\"label\"", Decision.Send, Decision.Cooldown)]
    [InlineData("\"rule\"", Decision.Cooldown, Decision.Cooldown)]
    public void A_cooldown_may_be_of_streams_labels_or_the_rule(string per, object otherLabel, object otherStream)
    {
        var decide = Decide($$"""{ "name": "r", "to": "log", "cooldown": "5m", "cooldown_per": {{per}} }""");
        decide(Heard("2026-03-01T12:00Z"));
        Assert.Equal((Decision)otherLabel, decide(Heard("2026-03-01T12:01Z", label: "Cat")));
        Assert.Equal((Decision)otherStream, decide(Heard("2026-03-01T12:02Z", stream: "street")));
    }

    [Fact]
    public void The_first_of_the_day_is_one_of_the_zones_day()
    {
        var decide = Decide("""{ "name": "r", "to": "log", "first_of_day": true, "time_zone": "Europe/Berlin" }""");
        Assert.Equal(Decision.Send, decide(Heard("2026-07-01T12:00Z")));
        Assert.Equal(Decision.NotFirst, decide(Heard("2026-07-01T21:59Z")));
        Assert.Equal(Decision.Send, decide(Heard("2026-07-01T22:00Z"))); // midnight in Berlin
        Assert.Equal(Decision.NotFirst, decide(Heard("2026-07-01T13:00Z"))); // listed late: that day has had its first
    }

    [Fact]
    public void What_was_not_kept_can_be_decided_on_again()
    {
        var memory = new RuleMemory();
        var decisions = new RuleDecisions(Parse("""{ "name": "r", "to": "log", "cooldown": "5m" }"""), memory);
        decisions.Decide(Heard("2026-03-01T12:00Z"));
        memory.Keep();
        decisions.Decide(Heard("2026-03-01T12:10Z"));
        decisions.Decide(Heard("2026-03-01T12:10Z", label: "Cat"));
        memory.Revert();
        Assert.Equal(Decision.Cooldown, decisions.Decide(Heard("2026-03-01T12:04Z")));
        Assert.Equal(Decision.Send, decisions.Decide(Heard("2026-03-01T12:10Z")));
        Assert.Equal(Decision.Send, decisions.Decide(Heard("2026-03-01T12:10Z", label: "Cat")));
    }

    internal static Rule Parse(string rule) => RuleFile.Parse(
        $$"""{ "destinations": { "log": { "file": "x" } }, "rules": [ {{rule}} ] }""", "rules.json", TimeProvider.System).Rules[0];

    internal static KeptEvent Heard(
        string onset, double seconds = 1, float peak = 0.9f, string stream = "yard", string label = "Dog", string id = "0-0")
    {
        var at = DateTimeOffset.Parse(onset, System.Globalization.CultureInfo.InvariantCulture);
        return new KeptEvent
        {
            StreamId = stream,
            Begun = Timestamp.FromDateTimeOffset(at.AddHours(-1)),
            Onset = Timestamp.FromDateTimeOffset(at),
            Offset = Timestamp.FromDateTimeOffset(at.AddSeconds(seconds)),
            Model = "tiny",
            Event = new Event
            {
                Id = id, Label = label, LabelId = $"/m/{label}", OnsetSeconds = 3600, OffsetSeconds = 3600 + seconds, PeakScore = peak,
                MeanScore = peak,
            },
        };
    }

    private static Func<KeptEvent, Decision> Decide(string rule) => new RuleDecisions(Parse(rule), new RuleMemory()).Decide;
}
