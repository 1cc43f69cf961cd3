using Dass.Grid.Gateway.Scores;
using Dass.Grid.V1;

namespace Dass.Grid.Gateway.Streams;

/// <summary>Feeds one stream piece by piece and writes what comes back. The only writer of its call's answers.</summary>
internal sealed class AudioPump(
    GatewayShared shared,
    IStreamGrain stream,
    Attachment attachment,
    ScoreView view,
    IServerStreamWriter<StreamResponse> responses,
    CancellationToken cancellationToken)
{
    private const int PageChunks = 64;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);

    private readonly int _pieceFrames = Math.Max(1, (int)(shared.Options.MaxPush.TotalSeconds * attachment.Shape.Format.SampleRateHz));

    /// <summary>Sends kept tags again, from a chunk up to the attachment's.</summary>
    public async Task RepeatAsync(long fromChunk)
    {
        while (fromChunk < attachment.NextChunk)
        {
            var page = (await stream.GetTags(fromChunk, PageChunks)).OrThrow();
            if (page.Tags.Length == 0)
            {
                return;
            }
            await WriteAsync(page.Tags);
            fromChunk = page.Tags[^1].Index + 1;
        }
    }

    public async Task PushAsync(AudioBlock audio)
    {
        shared.Instruments.OnAudio(audio.Data.Length);
        var frameBytes = attachment.Shape.BytesPerFrame;
        var frames = audio.Data.Length / frameBytes;
        for (var first = 0; first < frames; first += _pieceFrames)
        {
            var piece = audio.Data.Slice(first * frameBytes, Math.Min(_pieceFrames, frames - first) * frameBytes);
            await PushPieceAsync(new AudioBlock(audio.FirstSample + first, piece));
        }
    }

    public async Task FinishAsync()
    {
        using var activity = GatewayInstruments.Activities.StartActivity("dass.finish");
        var finished = (await stream.Finish(attachment.Id, cancellationToken)).OrThrow();
        await WriteAsync(finished.Tags);
        await responses.WriteAsync(new StreamResponse { Summary = view.Of(finished.End.Summary) }, cancellationToken);
    }

    private async Task PushPieceAsync(AudioBlock piece)
    {
        using var activity = GatewayInstruments.Activities.StartActivity("dass.push");
        activity?.SetTag("dass.first_sample", piece.FirstSample);
        var pushed = (await stream.Push(attachment.Id, piece, cancellationToken)).OrThrow();
        await WriteAsync(pushed.Tags);
        var waited = TimeSpan.Zero;
        for (var pause = FirstPause; pushed.Busy; pause *= 2)
        {
            if (waited > shared.Options.BusyPatience)
            {
                throw StatusMapping.Of(new Refusal(
                    RefusalCode.Busy, $"the device has been too busy for {waited.TotalSeconds:F1} s. Call again later; the stream has audio up to sample {pushed.AppliedSample}."));
            }
            await Task.Delay(pause, shared.Time, cancellationToken);
            waited += pause;
            pushed = (await stream.Push(attachment.Id, new AudioBlock(pushed.AppliedSample, default), cancellationToken)).OrThrow();
            await WriteAsync(pushed.Tags);
        }
        await responses.WriteAsync(new StreamResponse { Ack = new Ack { AppliedSample = pushed.AppliedSample } }, cancellationToken);
    }

    private async Task WriteAsync(ChunkTags[] tags)
    {
        foreach (var chunk in tags)
        {
            await responses.WriteAsync(new StreamResponse { Tags = view.Of(chunk) }, cancellationToken);
        }
    }
}
