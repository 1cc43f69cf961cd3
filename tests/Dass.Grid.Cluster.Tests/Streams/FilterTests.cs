using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;

namespace Dass.Grid.Cluster.Tests.Streams;

[Collection(SharedGridCollection.Name)]
public sealed class FilterTests(SharedGrid shared)
{
    private readonly Tagging.TaggingClient _client = shared.Client;

    [Fact]
    public async Task Without_a_filter_the_ten_highest_scores_come_in_descending_order_kinds_first()
    {
        var (tags, _) = await FirstTagsAsync(new TagFilter { Dense = true });
        var (all, _) = await FirstTagsAsync(new TagFilter { Top = 527 });
        Assert.Equal(10, tags.ChunkScores.Count);
        Assert.Equal(all.WindowScores.Take(10), tags.WindowScores);
        Assert.Equal(tags.DenseWindowScores.OrderDescending(), all.WindowScores.Select(score => score.Score).OrderDescending());
        // Only a kind of what comes later, and scores as high, may be before a higher score.
        var order = all.WindowScores;
        foreach (var (place, label) in order.Index())
        {
            var above = Engine.Model.AudioSetLabels.All.Ancestors(label.Index);
            var highest = order.Skip(place).Max(later => later.Score);
            Assert.True(
                label.Score == highest
                || order.Skip(place).Any(later => above.Contains(later.Index) && later.Score == highest && label.Score >= 0.5f),
                $"{label.Name} with {label.Score} is at place {place} of the list.");
        }
    }

    [Fact]
    public async Task A_spectrogram_comes_to_those_who_ask_for_it()
    {
        var (with, _) = await FirstTagsAsync(new TagFilter { Spectrogram = true });
        var (without, _) = await FirstTagsAsync(new TagFilter());
        Assert.Equal(10 * 32, with.Spectrogram.Length); // nine columns of 0.1 s, and 0.06 s
        Assert.True(with.Spectrogram.Distinct().Count() > 20);
        Assert.Empty(without.Spectrogram);
    }

    [Fact]
    public async Task A_minimum_score_leaves_lower_ones_out()
    {
        var (all, _) = await FirstTagsAsync(new TagFilter { Top = 527, Dense = true });
        var middle = all.WindowScores[200].Score;
        var (some, _) = await FirstTagsAsync(new TagFilter { Top = 527, MinScore = middle });
        Assert.Equal(all.DenseWindowScores.Count(score => score >= middle), some.WindowScores.Count);
        Assert.Empty(some.DenseWindowScores);
    }

    [Fact]
    public async Task Labels_are_found_by_id_and_by_name_in_any_letter_case()
    {
        var labels = (await _client.ListLabelsAsync(new ListLabelsRequest())).Labels;
        var (tags, _) = await FirstTagsAsync(new TagFilter { Labels = { labels[7].Id, labels[300].Name.ToUpperInvariant() } });
        Assert.Equal([7, 300], tags.WindowScores.Select(score => score.Index).Order());
        Assert.All(tags.WindowScores, score => Assert.Equal((labels[score.Index].Id, labels[score.Index].Name), (score.Id, score.Name)));
    }

    [Fact]
    public async Task The_summary_is_filtered_as_the_tags_are()
    {
        var (_, summary) = await FirstTagsAsync(new TagFilter { Top = 3 });
        Assert.Equal(3, summary.Mean.Count);
        Assert.Equal(3, summary.Max.Count);
        Assert.Empty(summary.DenseMean);
    }

    private async Task<(Tags Tags, Summary Summary)> FirstTagsAsync(TagFilter filter)
    {
        var config = Babble.Config();
        config.Filter = filter;
        using var feed = await Feed.BeginAsync(_client, config);
        await feed.SendBabbleAsync(0, 32_000);
        var summary = await feed.FinishAsync();
        return (feed.Tags[0], summary);
    }
}
