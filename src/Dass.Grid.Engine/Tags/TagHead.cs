using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tags;

/// <summary>The linear head: from the mean of tokens after the final norm to scores.</summary>
public sealed class TagHead(DassModel model)
{
    /// <summary>Writes sigmoid(W · mean + b), one score from 0 to 1 per label.</summary>
    /// <param name="mean">Mean token, [D].</param>
    /// <param name="scores">Scores in label order.</param>
    public void Score(ReadOnlySpan<float> mean, Span<float> scores) => Score(mean, scores, mean, scores);

    /// <summary>Both as alone; the weights, which are more than a core's nearest memory holds, are read once.</summary>
    public void Score(ReadOnlySpan<float> mean, Span<float> scores, ReadOnlySpan<float> otherMean, Span<float> otherScores)
    {
        var weight = model.Tensor("head.weight");
        var bias = model.Tensor("head.bias");
        for (var label = 0; label < scores.Length; label++)
        {
            var (one, other) = Dots(weight.Slice(label * mean.Length, mean.Length), mean, otherMean);
            scores[label] = bias[label] + one;
            otherScores[label] = bias[label] + other;
        }
        TensorPrimitives.Sigmoid(scores, scores);
        if (otherScores != scores) // else they are the same memory, and scored
        {
            TensorPrimitives.Sigmoid(otherScores, otherScores);
        }
    }

    // Four sums side by side: an addition begins before the one before has ended.
    private static (float One, float Other) Dots(ReadOnlySpan<float> row, ReadOnlySpan<float> mean, ReadOnlySpan<float> otherMean)
    {
        ref readonly var w = ref MemoryMarshal.GetReference(row);
        ref readonly var x = ref MemoryMarshal.GetReference(mean);
        ref readonly var y = ref MemoryMarshal.GetReference(otherMean);
        Vector256<float> even = default, odd = default, otherEven = default, otherOdd = default;
        var i = 0;
        for (; i <= row.Length - 16; i += 16)
        {
            nuint at = (nuint)i, next = at + 8;
            Vector256<float> first = Vector256.LoadUnsafe(in w, at), second = Vector256.LoadUnsafe(in w, next);
            even += first * Vector256.LoadUnsafe(in x, at);
            odd += second * Vector256.LoadUnsafe(in x, next);
            otherEven += first * Vector256.LoadUnsafe(in y, at);
            otherOdd += second * Vector256.LoadUnsafe(in y, next);
        }
        var (one, other) = (Vector256.Sum(even + odd), Vector256.Sum(otherEven + otherOdd));
        for (; i < row.Length; i++)
        {
            one += row[i] * mean[i];
            other += row[i] * otherMean[i];
        }
        return (one, other);
    }
}
