using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Tests;
using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Streams;

/// <summary>People see the specific label before the general one.</summary>
public sealed class LabelOrderTests
{
    /// <summary>Bark is a Dog, a Dog is an Animal; a Meow is an Animal, too; Rain is nothing of it.</summary>
    private static readonly LabelName[] Labels =
    [
        Named("Animal"), Named("Dog", 0), Named("Bark", 1, 0), Named("Rain"), Named("Meow", 0), Named("Hum") with { Hidden = true },
    ];

    [Theory]
    [InlineData("Bark Dog Animal Rain Meow", 0.9f, 0.8f, 0.7f, 0.6f, 0.1f)]
    [InlineData("Rain Bark Dog Meow Animal", 0.8f, 0.6f, 0.7f, 0.9f, 0.5f)] // the general one is behind all of its kinds that are heard
    [InlineData("Animal Dog Bark Rain Meow", 0.9f, 0.49f, 0.3f, 0.2f, 0.1f)] // a kind that is not heard stays where its score is
    [InlineData("Bark Animal Rain Dog Meow", 0.9f, 0.4f, 0.6f, 0.5f, 0.1f)]
    [InlineData("Animal Dog Bark Rain Meow", 0.4f, 0.4f, 0.4f, 0.4f, 0.4f)] // equal scores in label order
    [InlineData("Bark Dog Meow Animal Rain", 0.5f, 0.5f, 0.5f, 0.5f, 0.5f)]
    public void A_general_label_comes_behind_its_kinds_that_are_heard(string order, params float[] scores) =>
        Assert.Equal(order.Split(' '), Shown(new TagFilter(), scores));

    [Fact]
    public void Each_label_is_behind_all_of_its_kinds_that_are_heard()
    {
        var random = new Random(17);
        for (var round = 0; round < 200; round++)
        {
            var labels = new List<LabelName>();
            for (var label = 0; label < 40; label++)
            {
                var parent = random.Next(-10, label); // earlier: a tree, in which kinds have all ancestors
                labels.Add(parent < 0 ? Named($"{label}") : Named($"{label}", [parent, .. labels[parent].Ancestors!]));
            }
            float[] scores = [.. labels.Select(_ => random.NextSingle())];
            int[] Heard(int top) => [.. Shown(labels.ToArray(), new TagFilter { MinScore = 0.5f, Top = top }, scores).Select(int.Parse)];
            var shown = Heard(top: 40);
            Assert.Equal(Enumerable.Range(0, 40).Where(label => scores[label] >= 0.5f), shown.Order());
            for (var at = 0; at < shown.Length; at++)
            {
                var later = shown[(at + 1)..];
                Assert.DoesNotContain(later, kind => labels[kind].Ancestors!.Contains(shown[at]));
            }
            var highest = Enumerable.Range(0, 40).MaxBy(label => scores[label]);
            Assert.Contains(highest, labels[shown[0]].Ancestors!.Append(shown[0]));
            var top = random.Next(1, 10);
            Assert.Equal(shown.Take(top), Heard(top));
        }
    }

    [Fact]
    public void The_list_is_cut_after_it_is_ordered() =>
        Assert.Equal(["Bark", "Dog"], Shown(new TagFilter { Top = 2 }, 0.9f, 0.8f, 0.7f, 0.85f, 0.1f));

    [Fact]
    public void The_order_holds_among_the_labels_of_the_filter_alone()
    {
        Assert.Equal(["Bark", "Animal"], Shown(new TagFilter { Labels = { "animal", "bark" } }, 0.9f, 0.8f, 0.7f, 0.95f, 0.1f));
        Assert.Equal(["Hum", "Bark"], Shown(new TagFilter { Labels = { "bark", "hum" } }, 0.9f, 0.8f, 0.7f, 0.95f, 0.1f));
        Assert.Equal(["Dog", "Animal"], Shown(new TagFilter { MinScore = 0.75f }, 0.9f, 0.8f, 0.7f, 0.6f, 0.1f));
    }

    [Fact]
    public void A_model_of_a_silo_that_does_not_know_the_tree_is_in_the_order_of_its_scores()
    {
        LabelName[] labels = [.. Labels.Select(label => new LabelName(label.Id, label.Name))];
        Assert.Equal(["Hum", "Animal", "Dog"], Shown(labels, new TagFilter { Top = 3 }, 0.9f, 0.8f, 0.7f, 0.6f, 0.1f));
    }

    [Fact]
    public void What_a_view_allocates_does_not_grow_with_the_labels()
    {
        var few = Allocated(labels: 50);
        Assert.Equal(few, Allocated(labels: 5_000));

        static long Allocated(int labels)
        {
            LabelName[] names = [.. Enumerable.Range(0, labels).Select(label => new LabelName($"/m/{label}", $"label {label}"))];
            var view = new ScoreView(null, new ModelCard(new ModelSummary("m", "hash", labels, "", IsDefault: false), names));
            var random = new Random(1);
            float[] scores = [.. names.Select(_ => random.NextSingle() / 3)];
            scores[7] = 0.9f;
            var chunk = new ChunkTags(0, 0, 1, scores, scores);
            for (var i = 0; i < 100; i++)
            {
                view.Map(chunk);
            }
            return Allocations.Fewest(_ =>
            {
                for (var i = 0; i < 100; i++)
                {
                    view.Map(chunk);
                }
            });
        }
    }

    /// <summary>The scores are those of all labels but Hum, which scores highest.</summary>
    private static IEnumerable<string> Shown(TagFilter filter, params float[] scores) => Shown(Labels, filter, scores);

    private static IEnumerable<string> Shown(LabelName[] labels, TagFilter filter, params float[] scores)
    {
        var view = new ScoreView(filter, new ModelCard(new ModelSummary("m", "hash", labels.Length, "", IsDefault: false), labels));
        return view.Map(new ChunkTags(0, 0, 1, [.. scores, 0.99f], [])).ChunkScores.Select(score => score.Name);
    }

    private static LabelName Named(string name, params int[] above) => new($"/m/{name}", name) { Ancestors = above };
}
