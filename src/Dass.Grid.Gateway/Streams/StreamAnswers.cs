using System.Diagnostics;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Streams;

/// <summary>
/// Writes one call's answers, each chunk once: chunks that come again are left out, missing ones are read from the stream.
/// </summary>
internal sealed class StreamAnswers(
    IStreamGrain stream,
    Attachment attachment,
    ScoreView view,
    ChunkTimes times,
    IServerStreamWriter<StreamResponse> responses,
    CancellationToken cancellationToken)
{
    private long _nextChunk = attachment.NextChunk; // chunks before it have been written
    private long _gapEnd = attachment.Gap?.ToSample ?? 0; // of the last gap that has been written

    /// <summary>Goes back to a chunk that the client asks for, which may be one that was written by an earlier call.</summary>
    /// <returns>The chunk up to which there is something to write again.</returns>
    public long Rewind(long chunk)
    {
        var until = _nextChunk;
        _nextChunk = chunk;
        return until;
    }

    public async Task WriteAsync(ChunkTags[] tags)
    {
        foreach (var chunk in tags)
        {
            if (chunk.Index > _nextChunk)
            {
                await FillAsync(chunk.Index); // an answer was lost, and its tags with it
            }
            if (chunk.Index >= _nextChunk)
            {
                await WriteAsync(chunk);
            }
        }
    }

    /// <summary>Writes what the stream keeps of the chunks before <paramref name="until"/> that have not been written.</summary>
    public async Task FillAsync(long until)
    {
        while (_nextChunk < until)
        {
            var page = TransientRefusalException.OrThrow(await stream.GetTags(_nextChunk, StreamGrainExtensions.HistoryPage));
            var kept = page.Tags.TakeWhile(chunk => chunk.Index < until).ToArray();
            foreach (var chunk in kept)
            {
                await WriteAsync(chunk);
            }
            if (kept.Length == 0)
            {
                _nextChunk = until;
            }
        }
    }

    /// <summary>After the stream has been found again. A gap that has been written before is left out.</summary>
    public async Task WriteAsync(StreamGap gap)
    {
        if (gap.ToSample > _gapEnd)
        {
            _gapEnd = gap.ToSample;
            await responses.WriteAsync(new StreamResponse { Gap = view.Map(gap) }, cancellationToken);
            _nextChunk = Math.Max(_nextChunk, gap.NextChunk);
            times.OnGap(gap);
        }
    }

    public Task WriteAsync(Ack ack) => responses.WriteAsync(new StreamResponse { Ack = ack }, cancellationToken);

    /// <summary>The events that the end has closed, and the summary: the call's last answers.</summary>
    public async Task EndAsync(StreamEnd end)
    {
        Event[] closed = [.. view.Select(end.Events)];
        if (closed.Length > 0)
        {
            await responses.WriteAsync(new StreamResponse { Events = new EventList { Events = { closed } } }, cancellationToken);
        }
        await responses.WriteAsync(new StreamResponse { Summary = view.Map(end.Summary) }, cancellationToken);
    }

    private async Task WriteAsync(ChunkTags chunk)
    {
        using (Activity.Current is null ? null : GatewayInstruments.Activities.StartActivity("dass.write"))
        {
            await responses.WriteAsync(new StreamResponse { Tags = view.Map(chunk) }, cancellationToken);
        }
        times.OnWritten(chunk);
        _nextChunk = chunk.Index + 1;
    }
}
