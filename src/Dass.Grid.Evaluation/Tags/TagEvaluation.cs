using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation.Data;

namespace Dass.Grid.Evaluation.Tags;

/// <summary>Tags a data set's files, each as a stream of its own.</summary>
public static class TagEvaluation
{
    /// <summary>A file's scores are the mean over all of it.</summary>
    public static async Task<TagReport> RunAsync(
        StreamEngine engine, EvaluationSet data, StreamSessionOptions options, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        var scores = await StreamedInference.ForEachAsync(
            data.Files,
            async (file, _) => (await StreamedInference.HearFileAsync(engine, file.Path, options, heard: null, cancellationToken).ConfigureAwait(false)).Mean,
            progress,
            cancellationToken).ConfigureAwait(false);
        return TagReport.Of(scores, [.. data.Files.Select(file => file.Labels)], engine.Model.Labels);
    }
}
