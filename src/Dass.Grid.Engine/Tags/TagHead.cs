using System.Numerics.Tensors;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tags;

/// <summary>The linear head: from the mean of tokens after the final norm to scores.</summary>
public sealed class TagHead(DassModel model)
{
    /// <summary>Writes sigmoid(W · mean + b), one score from 0 to 1 per label.</summary>
    /// <param name="mean">Mean token, [D].</param>
    /// <param name="scores">Scores in label order.</param>
    public void Score(ReadOnlySpan<float> mean, Span<float> scores)
    {
        var weight = model.Tensor("head.weight");
        var bias = model.Tensor("head.bias");
        for (var label = 0; label < scores.Length; label++)
        {
            scores[label] = bias[label] + TensorPrimitives.Dot(weight.Slice(label * mean.Length, mean.Length), mean);
        }
        TensorPrimitives.Sigmoid(scores, scores);
    }

    /// <summary>Both as alone; the weights, which are more than a core's nearest memory holds, are read once.</summary>
    public void Score(ReadOnlySpan<float> mean, Span<float> scores, ReadOnlySpan<float> otherMean, Span<float> otherScores)
    {
        var weight = model.Tensor("head.weight");
        var bias = model.Tensor("head.bias");
        for (var label = 0; label < scores.Length; label++)
        {
            var row = weight.Slice(label * mean.Length, mean.Length);
            scores[label] = bias[label] + TensorPrimitives.Dot(row, mean);
            otherScores[label] = bias[label] + TensorPrimitives.Dot(row, otherMean);
        }
        TensorPrimitives.Sigmoid(scores, scores);
        TensorPrimitives.Sigmoid(otherScores, otherScores);
    }
}
