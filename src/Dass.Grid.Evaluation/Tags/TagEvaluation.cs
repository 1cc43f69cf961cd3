using Dass.Grid.Engine.Streaming;
using Dass.Grid.Evaluation.Data;

namespace Dass.Grid.Evaluation.Tags;

/// <summary>Tags a data set's files, each as a stream of its own.</summary>
public static class TagEvaluation
{
    /// <summary>A file's scores are the mean over all of it.</summary>
    /// <param name="engine">Hears the files.</param>
    /// <param name="data">Files with labels.</param>
    /// <param name="options">Chunk and look-ahead.</param>
    /// <param name="resamples">Of the files, for intervals; 0: none.</param>
    /// <param name="seed">Of the resamples.</param>
    /// <param name="progress">Share of files.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<TagReport> RunAsync(
        StreamEngine engine, EvaluationSet data, StreamSessionOptions options, int resamples, int seed, IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        var scores = await StreamedInference.ForEachAsync(
            data.Files,
            async (file, _) =>
            {
                var run = StreamedInference.RunFileAsync(engine, file.Path, options, onChunk: null, cancellationToken);
                return (await run.ConfigureAwait(false)).Mean is { Length: > 0 } mean ? mean : throw StreamedInference.TooShort(file.Path);
            },
            progress,
            cancellationToken).ConfigureAwait(false);
        return TagReport.From(scores, [.. data.Files.Select(file => file.Labels)], engine.Model.Labels, resamples, seed);
    }
}
