using System.Numerics.Tensors;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tags;

/// <summary>
/// The head of the network: mean token → logits → scores. It is linear, so the scores of any span are the head on the mean of the span's tokens.
/// </summary>
public sealed class TagHead(DassModel model)
{
    private readonly float[] _weights = model.Tensor("head.weight").ToArray(); // [labels, D]
    private readonly float[] _bias = model.Tensor("head.bias").ToArray();

    /// <summary>Scores of a span.</summary>
    /// <param name="tokenSum">Sum of the span's tokens after the final norm, [D].</param>
    /// <param name="tokenCount">How many tokens were summed; at least 1.</param>
    /// <param name="mean">Room for the mean token, [D].</param>
    /// <param name="scores">Receives sigmoid(weights · mean + bias), 0 to 1, in label order.</param>
    public void Score(ReadOnlySpan<double> tokenSum, long tokenCount, Span<float> mean, Span<float> scores)
    {
        for (var d = 0; d < tokenSum.Length; d++)
        {
            mean[d] = (float)(tokenSum[d] / tokenCount);
        }
        for (var label = 0; label < scores.Length; label++)
        {
            scores[label] = _bias[label] + TensorPrimitives.Dot(_weights.AsSpan(label * mean.Length, mean.Length), mean);
        }
        TensorPrimitives.Sigmoid(scores, scores);
    }
}
