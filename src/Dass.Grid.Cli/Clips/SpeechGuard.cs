using Dass.Grid.Engine.Model;
using Label = Dass.Grid.V1.Label;

namespace Dass.Grid.Cli.Clips;

/// <summary>
/// When nothing of what people say may be kept: chunks in which a label of speech has a score, those beside them, and time of which nothing
/// is known. Not thread-safe.
/// </summary>
/// <param name="threshold">Score from which a chunk is speech. Null: all may be kept.</param>
/// <param name="length">How long it is remembered.</param>
internal sealed class SpeechGuard(float? threshold, TimeSpan length)
{
    private static readonly string[] Names =
    [
        "Speech", "Shout", "Bellow", "Yell", "Whispering", "Chatter", "Children shouting", "Hubbub, speech noise, speech babble",
    ];

    private readonly List<(DateTimeOffset Begin, DateTimeOffset End, bool Speaks)> _chunks = [];
    private int[] _speech = []; // indices of scores

    /// <summary>The labels of the model that scores from now on.</summary>
    public void OnLabels(IEnumerable<Label> labels)
    {
        var speech = AudioSetLabels.All.All.Where(label => Names.Contains(label.Name)).Select(label => label.Id).ToHashSet();
        _speech =
        [
            .. labels
                .Where(label => speech.Contains(label.Id) || Names.Contains(label.Name)
                    || AudioSetTree.Shipped.Ancestors(label.Id).Any(speech.Contains))
                .Select(label => label.Index),
        ];
    }

    /// <summary>A chunk, with the scores of all labels.</summary>
    public void Add(DateTimeOffset begin, DateTimeOffset end, IReadOnlyList<float> scores)
    {
        var speaks = scores.Count == 0 || _speech.Length == 0 || _speech.Any(label => !(scores[label] < threshold));
        _chunks.Add((begin, end, speaks));
        _chunks.RemoveAll(chunk => chunk.End < end - length);
    }

    /// <summary>Whether the audio of a time may be kept.</summary>
    public bool IsKept(DateTimeOffset time)
    {
        if (threshold is null)
        {
            return true;
        }
        var at = _chunks.FindLastIndex(chunk => chunk.Begin <= time && time < chunk.End);
        if (at < 0)
        {
            return false;
        }
        // A word may begin at the end of the chunk before.
        for (var beside = Math.Max(0, at - 1); beside <= Math.Min(_chunks.Count - 1, at + 1); beside++)
        {
            if (_chunks[beside].Speaks)
            {
                return false;
            }
        }
        return true;
    }
}
