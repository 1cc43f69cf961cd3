using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Evaluation;
using Dass.Grid.Evaluation.Data;
using Dass.Grid.Evaluation.Events;

namespace Dass.Grid.Engine.Tests.Evaluation;

/// <summary>What counts as a false event of all labels together.</summary>
public sealed class OfferedEventsTests
{
    private static readonly LabelSet Labels = new(
    [
        .. AudioSetLabels.For(5, ["Dog", "Animal", "Rain", "Silence", "Music"]).All.Select(label => label with
        {
            IsOffered = label.Name != "Music", IsBackground = label.Name == "Silence",
        }),
    ]);

    [Fact]
    public void Events_that_meet_nothing_are_false_at_each_threshold() =>
        Assert.Equal([2, 3], Unmet(new EvaluationFile("", new HashSet<int>(), []))); // Rain is below 0.9

    [Fact]
    public void A_kind_of_what_sounds_is_not_false_and_neither_is_what_it_is_a_kind_of()
    {
        Assert.Equal([0, 1], Unmet(File(0, 0, 4)));
        Assert.Equal([0, 1], Unmet(File(1, 0, 4)));
        Assert.Equal([2, 2], Unmet(File(2, 0, 4)));
        Assert.Equal([2, 3], Unmet(File(0, 5, 6))); // elsewhere
    }

    [Fact]
    public void A_label_without_times_sounds_in_all_of_the_file() =>
        Assert.Equal([0, 1], Unmet(new EvaluationFile("", new HashSet<int> { 1 }, [])));

    private static EvaluationFile File(int label, double onset, double offset) =>
        new("", new HashSet<int> { label }, [new SoundEvent(0, label, onset, offset)]);

    /// <summary>Dog, Animal, Silence and Music are loud from 0 to 4 s, Rain is less so; then there is nothing.</summary>
    private static int[] Unmet(EvaluationFile file)
    {
        var events = new OfferedEvents(Labels, [0.9f, 0.5f]);
        for (var i = 0; i < 6; i++)
        {
            float loud = i < 4 ? 0.95f : 0, less = i < 4 ? 0.6f : 0;
            events.Add(new ChunkScores(i, i, i + 1, [loud, loud, less, loud, loud], []));
        }
        return events.Unmet(file, 6);
    }
}
