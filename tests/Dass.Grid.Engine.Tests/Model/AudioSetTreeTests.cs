using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tests.Model;

public sealed class AudioSetTreeTests
{
    [Fact]
    public void The_shipped_tree_has_what_is_above_a_label_the_nearest_first()
    {
        Assert.Equal(["Domestic animals, pets", "Animal"], Above("Dog"));
        Assert.Equal(["Dog", "Domestic animals, pets", "Animal"], Above("Bark"));
        Assert.Empty(Above("Animal"));
        Assert.Empty(AudioSetTree.Shipped.Ancestors("label/3"));
    }

    [Fact]
    public void No_label_is_above_itself() => Assert.All(
        AudioSetLabels.All.All, label => Assert.DoesNotContain(label.Id, AudioSetTree.Shipped.Ancestors(label.Id)));

    [Fact]
    public void A_model_has_the_ancestors_that_are_among_its_labels()
    {
        var labels = AudioSetLabels.For(4, ["Animal", "Bark", "sound", "Dog"]);
        Assert.Equal([3, 0], labels.Ancestors(1));
        Assert.Equal([0], labels.Ancestors(3));
        Assert.Empty(labels.Ancestors(2));
    }

    [Fact]
    public void Names_with_commas_are_quoted_and_a_label_may_have_several_parents()
    {
        var tree = Read("label,parent", "\"Male speech, man speaking\",Speech", "Dog,\"Domestic animals, pets\"", "Dog,Animal");
        Assert.Equal(["Speech"], Above("Male speech, man speaking", tree));
        Assert.Equal(["Domestic animals, pets", "Animal"], Above("Dog", tree));
    }

    [Fact]
    public void A_circle_ends()
    {
        var tree = Read("label,parent", "Dog,Bark", "Bark,Dog");
        Assert.Equal(["Bark"], Above("Dog", tree));
    }

    [Theory]
    [InlineData("Dog,Dodo")]
    [InlineData("Dog")]
    [InlineData("Dog,Animal,Bark")]
    [InlineData("Dog,")]
    public void A_line_that_is_no_pair_of_labels_is_named(string line) =>
        Assert.Contains(line, Assert.Throws<InvalidDataException>(() => Read("label,parent", line)).Message);

    private static AudioSetTree Read(params string[] lines) => new(new StringReader(string.Join('\n', lines)), AudioSetLabels.All);

    private static IEnumerable<string> Above(string name, AudioSetTree? tree = null) =>
        (tree ?? AudioSetTree.Shipped).Ancestors(AudioSetLabels.All.Find(name)!.Id).Select(id => AudioSetLabels.All.Find(id)!.Name);
}
