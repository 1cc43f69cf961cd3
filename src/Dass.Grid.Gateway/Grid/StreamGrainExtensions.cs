namespace Dass.Grid.Gateway.Grid;

internal static class StreamGrainExtensions
{
    /// <summary>Chunks that are read from a stream's history at once.</summary>
    public const int HistoryPage = 64;

    /// <summary>Attaches, with the model that a new stream needs as a hint for its placement.</summary>
    public static async Task<Outcome<Attachment>> AttachAsync(
        this IStreamGrain stream, StreamSpec spec, Feeder feeder, CancellationToken cancellationToken)
    {
        if ((spec.Model ?? spec.DefaultModel) is { } model)
        {
            RequestContext.Set(ModelHint.Key, model); // of this method and what it calls
        }
        return await stream.Attach(spec, feeder, cancellationToken);
    }
}
