using System.Globalization;
using Dass.Grid.V1;

namespace Dass.Grid.Cli.Output;

/// <summary>One row per chunk and label.</summary>
internal sealed class CsvView : IStreamView
{
    public void OnReady(Ready ready) => Console.Out.WriteLine("chunk,start,end,label,window_score");

    public void OnTags(Tags tags)
    {
        foreach (var score in tags.WindowScores)
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{tags.Chunk},{tags.StartSeconds:R},{tags.EndSeconds:R},{Scores.Csv(score.Name)},{score.Score:R}"));
        }
    }

    public void OnEvents(IReadOnlyCollection<Event> events)
    {
    }

    public void OnDropped(long chunks) => Console.Error.WriteLine($"dass: {chunks} chunks were dropped.");

    public void OnSummary(Summary summary)
    {
    }
}
