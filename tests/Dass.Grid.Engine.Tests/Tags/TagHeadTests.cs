using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Engine.Tests.Model;

namespace Dass.Grid.Engine.Tests.Tags;

public class TagHeadTests
{
    [Fact]
    public void The_head_is_a_linear_layer_and_a_sigmoid()
    {
        var model = GoldenWeights.Tiny;
        float[] mean = [.. Enumerable.Range(0, 128).Select(i => MathF.Sin(i))], scores = new float[527];
        new TagHead(model).Score(mean, scores);
        for (var label = 0; label < 527; label += 31)
        {
            double logit = model.Tensor("head.bias")[label];
            for (var d = 0; d < 128; d++)
            {
                logit += (double)model.Tensor("head.weight")[label * 128 + d] * mean[d];
            }
            Assert.Equal(1 / (1 + Math.Exp(-logit)), scores[label], 1e-5);
        }
    }

    [Fact]
    public void AudioSet_has_527_labels_that_are_found_by_name_and_id()
    {
        Assert.Equal(527, AudioSetLabels.All.Count);
        Assert.Equal(new Label(0, "/m/09x0r", "Speech"), AudioSetLabels.All[0]);
        Assert.Equal("Male speech, man speaking", AudioSetLabels.All.Find("/m/05zppz")!.Name);
        Assert.Equal(AudioSetLabels.All.Find("Dog"), AudioSetLabels.All.Find("dOG"));
        Assert.Null(AudioSetLabels.All.Find("Unicorn"));
    }
}
