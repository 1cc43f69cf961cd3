using Dass.Grid.Engine.Model;
using Dass.Grid.Evaluation.Data;

namespace Dass.Grid.Engine.Tests.Evaluation;

public sealed class EvaluationSetTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public EvaluationSetTests()
    {
        foreach (var name in (string[])["a.wav", "b.wav", "c.wav", "d.wav", "a.ogg", "b.ogg"])
        {
            File.Create(Path.Combine(_folder.FullName, name)).Dispose();
        }
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Rows_of_one_file_are_its_events()
    {
        var set = Read(
            """"
            file,labels,onset,offset,author
            a.wav,Dog,0.5,1.5,"A dog, which ""barks"""
            a.wav,"Baby cry, infant cry;/m/09x0r",2,3,
            b.wav,Siren,,,
            """");
        Assert.Equal(["a.wav", "b.wav"], set.Files.Select(file => Path.GetFileName(file.Path)));
        Assert.Equal(["Baby cry, infant cry", "Dog", "Speech"], Names(set.Files[0].Labels));
        Assert.Equal([(0.5, 1.5), (2, 3), (2, 3)], set.Files[0].Events.Select(sound => (sound.Onset, sound.Offset)));
        Assert.Empty(set.Files[1].Events);
    }

    [Fact]
    public void A_single_name_may_hold_commas_and_folds_choose()
    {
        var text =
            """
            file,fold,audioset_label
            a.ogg,1,"Waves, surf"
            b.ogg,4,Rain
            """;
        Assert.Equal(["Rain"], Names(Assert.Single(Read(text, 4).Files).Labels));
        Assert.Equal(2, Read(text).Files.Count);
        Assert.Contains("no recordings of fold 7", Assert.Throws<FormatException>(() => Read(text, 7)).Message);
    }

    [Fact]
    public void The_first_files_of_each_label_are_chosen_in_order()
    {
        var set = Read("file,labels,onset,offset\na.wav,Dog,0,1\nb.wav,Dog,0,1\nc.wav,Dog;Rain,0,1\nd.wav,Rain,0,1\n").First(1);
        Assert.Equal(["a.wav", "c.wav"], set.Files.Select(file => Path.GetFileName(file.Path)));
        Assert.Equal([0, 1, 1], set.Files.SelectMany(file => file.Events).Select(sound => sound.File));
    }

    [Theory]
    [InlineData("labels")]
    [InlineData("audioset_label")]
    public void A_file_without_labels_has_no_known_sound(string column) =>
        Assert.Equal(["Dog", ""], Read($"file,{column}\na.wav,Dog\nb.wav,\n").Files.Select(file => string.Join(';', Names(file.Labels))));

    [Theory]
    [InlineData("file,name\na,b", "there must be 'file' and 'labels'")]
    [InlineData("file,labels\na.wav,Unicorn", "line 2: label is 'Unicorn'; the model does not know it")]
    [InlineData("file,labels\n,Dog", "line 2: file is ''")]
    [InlineData("file,labels\na.wav,Dog\ne.wav,Dog", "set.csv, line 3: file is 'e.wav'; there is no such file in ")]
    [InlineData("file,labels,onset,offset\na.wav,Dog,,1", "set.csv, line 2: offset is '1'; there must be an onset before it.")]
    [InlineData("file,labels,onset,offset\na.wav,Dog,1,", "line 2: offset is ''; it must be seconds")]
    [InlineData("file,labels,onset,offset\na.wav,,1,2", "line 2: labels is ''; an onset must have the label that it is the onset of")]
    [InlineData("file,labels\na.wav,\nb.wav, ; ", "names no labels.")]
    [InlineData("file,labels,onset,offset\na.wav,Dog,2,1", "line 2: offset is '1'; it must be after the onset at 2")]
    [InlineData("file,labels,onset,offset\n\na.wav,Dog,x,1", "line 3: onset is 'x'")]
    [InlineData("file,labels,onset,offset\na.wav,Dog,NaN,1", "onset is 'NaN'")]
    [InlineData("file,labels,fold\na.wav,Dog,one", "fold is 'one'")]
    [InlineData("file,labels", "names no recordings")]
    [InlineData("", "is empty")]
    public void A_broken_set_says_where(string text, string fragment) =>
        Assert.Contains(fragment, Assert.Throws<FormatException>(() => Read(text, text.Contains("fold") ? [1] : [])).Message);

    [Fact]
    public void A_quotation_mark_inside_a_field_is_a_letter()
    {
        var set = Read("file,what,labels\na.wav,6\" pipe,Dog\nb.wav,7\" pipe,Siren\nc.wav, \"8\"\", or\n9\",Rain\n");
        Assert.Equal(["a.wav", "b.wav", "c.wav"], set.Files.Select(file => Path.GetFileName(file.Path)));
        Assert.Equal(["Dog", "Siren", "Rain"], set.Files.Select(file => Assert.Single(Names(file.Labels))));
    }

    [Fact]
    public void A_quoted_field_without_an_end_is_refused_with_its_line() => Assert.Contains(
        "set.csv, line 3: a field begins with a quotation mark; it must end with one.",
        Assert.Throws<FormatException>(() => Read("file,labels\na.wav,Dog\nb.wav,\"Siren\nc.wav,Rain\n")).Message);

    private static IEnumerable<string> Names(IEnumerable<int> labels) => labels.Select(label => AudioSetLabels.All[label].Name).Order();

    private EvaluationSet Read(string text, params int[] folds)
    {
        var path = Path.Combine(_folder.FullName, "set.csv");
        File.WriteAllText(path, text);
        return EvaluationSet.Read(path, AudioSetLabels.All, folds);
    }
}
