using Dass.Grid.Engine.Events;

namespace Dass.Grid.Engine.Tests.Events;

public sealed class EventRuleTests
{
    [Fact]
    public void Off_follows_On_until_it_is_set()
    {
        Assert.Equal(0.4f, new EventRule().Off, 1e-6f);
        Assert.Equal(0.2f, new EventRule { On = 0.25f }.Off, 1e-6f);
        Assert.Equal(0.1f, new EventRule { On = 0.25f, Off = 0.1f }.Off);
    }

    [Fact]
    public void The_ends_of_the_ranges_are_allowed()
    {
        new EventRule().Validate();
        new EventRule { On = 0 }.Validate();
        new EventRule { On = 1, Off = 1, MinDuration = TimeSpan.Zero, MergeGap = TimeSpan.Zero }.Validate();
        new EventRule { Off = 0, MinDuration = TimeSpan.FromMinutes(10), MergeGap = TimeSpan.FromMinutes(10) }.Validate();
    }

    [Fact]
    public void Every_broken_field_is_named_with_value_and_rule()
    {
        var rule = new EventRule { On = 1.5f, Off = -0.25f, MinDuration = TimeSpan.FromSeconds(-1), MergeGap = TimeSpan.FromMinutes(11) };
        var error = Assert.Throws<ArgumentException>(rule.Validate);
        Assert.Equal(
            "EventRule.On is 1.5; it must be 0 to 1. EventRule.Off is -0.25; it must be 0 to On (1.5). "
            + "EventRule.MinDuration is -1 s; it must be 0 s to 600 s. EventRule.MergeGap is 660 s; it must be 0 s to 600 s.",
            error.Message);
    }

    [Theory]
    [InlineData(0.5f, 0.51f, "Off is 0.51")]
    [InlineData(float.NaN, 0.1f, "On is NaN")]
    [InlineData(0.5f, float.NaN, "Off is NaN")]
    public void Thresholds_are_numbers_in_order(float on, float off, string named) =>
        Assert.Contains(named, Assert.Throws<ArgumentException>(new EventRule { On = on, Off = off }.Validate).Message);

    [Fact]
    public void A_set_of_rules_names_the_label_whose_rule_is_broken()
    {
        var error = Assert.Throws<ArgumentException>(
            () => new EventRules(
                new EventRule { On = 2 },
                new Dictionary<int, EventRule> { [7] = new() { Off = 0.9f }, [-1] = new() },
                TimeSpan.Zero));
        Assert.All(
            ["Default.On is 2", "Label 7.Off is 0.9", "Label is -1; it must be at least 0", "UpdateEvery is 0 s; it must be 1 s to 3600 s"],
            named => Assert.Contains(named, error.Message));
    }

    [Fact]
    public void A_rule_for_a_label_that_the_model_lacks_is_refused()
    {
        var rules = new EventRules(new EventRule(), new Dictionary<int, EventRule> { [527] = new() });
        Assert.Contains("527", Assert.Throws<ArgumentException>(() => new SoundEventTracker(rules, 527)).Message);
        _ = new SoundEventTracker(rules, 528);
    }
}
