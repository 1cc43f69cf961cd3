using System.Text;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>What a model says of its labels beside its weights.</summary>
public sealed class OfferedLabelsTests
{
    private const string Dog = """{"label":"Dog","evidence":"clips","auc":0.97,"clips":9,"background":false}""";

    [Fact]
    public void Without_the_file_all_labels_are_offered_and_none_is_background()
    {
        using var folder = ModelFolder.Golden();
        var labels = folder.Load().Labels;
        Assert.All(labels.All, label => Assert.True(label is { IsOffered: true, IsBackground: false, OpensEvents: true, Evidence: null }));
        Assert.Empty(labels.Muted);
    }

    [Fact]
    public void The_file_says_what_is_offered_and_why()
    {
        using ModelFolder plain = ModelFolder.Golden(), folder = With($$$"""
            [{{{Dog}}}, {"label": "Silence", "evidence": "agreement", "auc": 1, "clips": 0, "background": true, "later": {"field": []}},
             {"label": "Rain", "evidence": "agreement", "auc": 0.9, "clips": 7}]
            """);
        var (before, after) = (plain.Load(), folder.Load());
        Assert.Equal(["Dog", "Rain", "Silence"], after.Labels.Offered.Select(label => label.Name).Order());
        var (dog, silence, rain) = (after.Labels.Find("Dog")!, after.Labels.Find("Silence")!, after.Labels.Find("Rain")!);
        Assert.Equal(new LabelEvidence(EvidenceKind.Clips, 0.97, 9), dog.Evidence);
        Assert.Equal(new LabelEvidence(EvidenceKind.Agreement, 1, 0), silence.Evidence);
        Assert.Equal((false, true, false), (dog.IsBackground, silence.IsBackground, rain.IsBackground));
        Assert.Equal([dog.Index, rain.Index], Enumerable.Range(0, 527).Except(after.Labels.Muted).OrderBy(i => i != dog.Index));
        // It changes no output: states of the same weights stay exchangeable.
        Assert.Equal(before.Hash, after.Hash);
        Assert.True(before.Labels.SameSounds(after.Labels));
    }

    [Theory]
    [InlineData("{}", "must hold a JSON array")]
    [InlineData("[", "is not JSON")]
    [InlineData("[]", "it offers no label")]
    [InlineData("[3]", "entry 0: it must be an object")]
    [InlineData($"[{Dog}, {Dog}]", "entry 1: Dog is there twice")]
    [InlineData("""[{"label":"Dodo","evidence":"clips","auc":1,"clips":2}]""", "entry 0: label is Dodo; it must be one of the model's")]
    [InlineData("""[{"label":"dog","evidence":"clips","auc":1,"clips":2}]""", "label is dog")]
    [InlineData("""[{"label":7,"evidence":"clips","auc":1,"clips":2}]""", "label is 7")]
    [InlineData("""[{"label":"Dog","auc":1,"clips":2}]""", "evidence is missing; it must be \"clips\" or \"agreement\"")]
    [InlineData("""[{"label":"Dog","evidence":"rumour","auc":1,"clips":2}]""", "evidence is rumour")]
    [InlineData("""[{"label":"Dog","evidence":"clips","auc":1.01,"clips":2}]""", "auc is 1.01; it must be a number from 0 to 1")]
    [InlineData("""[{"label":"Dog","evidence":"clips","auc":-0.1,"clips":2}]""", "auc is -0.1")]
    [InlineData("""[{"label":"Dog","evidence":"clips","auc":1e999,"clips":2}]""", "auc is 1e999")]
    [InlineData("""[{"label":"Dog","evidence":"clips","auc":null,"clips":2}]""", "auc is ;")]
    [InlineData("""[{"label":"Dog","evidence":"clips","auc":1,"clips":-1}]""", "clips is -1; it must be a whole number, 0 or more")]
    [InlineData("""[{"label":"Dog","evidence":"clips","auc":1,"clips":2.5}]""", "clips is 2.5")]
    [InlineData("""[{"label":"Dog","evidence":"clips","auc":1,"clips":99999999999}]""", "clips is 99999999999")]
    [InlineData("""[{"label":"Dog","evidence":"clips","auc":1,"clips":2,"background":"no"}]""", "background is no; it must be true or")]
    [InlineData("""[{"label":"\ud800","evidence":"clips","auc":1,"clips":2}]""", "holds text that is not Unicode")]
    public void A_broken_file_is_named_with_its_rule(string json, string message)
    {
        using var folder = With(json);
        var error = folder.LoadError();
        Assert.Contains("offered_labels.json", error);
        Assert.Contains(message, error);
    }

    [Fact]
    public void Problems_without_end_are_told_in_few_words()
    {
        using var many = With($"[{string.Join(',', Enumerable.Repeat("0", 500_000))}]");
        Assert.InRange(many.LoadError().Length, 100, 2_000);
        using var @long = With($"[{{\"label\":\"{new string('x', 1_000_000)}\"}}]");
        Assert.InRange(@long.LoadError().Length, 100, 2_000);
        using var big = With(new string(' ', 17 << 20));
        Assert.Contains("the limit is", big.LoadError());
    }

    private static ModelFolder With(string json) => ModelFolder.Golden().With("offered_labels.json", Encoding.UTF8.GetBytes(json));
}
