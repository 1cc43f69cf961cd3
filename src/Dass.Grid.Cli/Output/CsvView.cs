using System.Globalization;
using Dass.Grid.V1;

namespace Dass.Grid.Cli.Output;

/// <summary>One row per chunk and label.</summary>
/// <param name="stream">First column of each row; null: there is only one stream.</param>
internal sealed class CsvView(string? stream = null) : IStreamView
{
    private bool _begun;

    public static void WriteHeader(bool many) => Console.Out.WriteLine($"{(many ? "stream_id," : "")}chunk,start,end,label,window_score");

    public void OnReady(Ready ready)
    {
        // A connection that comes back is ready again.
        if (stream is null && !_begun)
        {
            _begun = true;
            WriteHeader(many: false);
        }
    }

    public void OnTags(Tags tags)
    {
        foreach (var score in tags.WindowScores)
        {
            var begin = stream is null ? "" : stream + ",";
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{begin}{tags.Chunk},{tags.StartSeconds:R},{tags.EndSeconds:R},{Scores.Csv(score.Name)},{score.Score:R}"));
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
