namespace Dass.Grid.Gateway.Grid;

internal static class StreamGrainExtensions
{
    /// <summary>Attaches, and tells those who place a new stream which model it needs.</summary>
    public static async Task<Outcome<Attachment>> AttachAsync(this IStreamGrain stream, StreamSpec spec, Feeder feeder, CancellationToken cancellationToken)
    {
        if ((spec.Model ?? spec.DefaultModel) is { } model)
        {
            RequestContext.Set(ModelHint.Key, model); // of this method and what it calls
        }
        return await stream.Attach(spec, feeder, cancellationToken);
    }
}
