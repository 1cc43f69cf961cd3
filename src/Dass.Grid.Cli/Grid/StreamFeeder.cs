using Dass.Grid.Cli.Output;
using Dass.Grid.Client;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cli.Grid;

/// <summary>Feeds one source to one stream and shows what comes back.</summary>
internal static class StreamFeeder
{
    /// <param name="grid">The grid.</param>
    /// <param name="tape">The audio.</param>
    /// <param name="config">The stream; gets the id that the grid makes.</param>
    /// <param name="view">Shows it.</param>
    /// <param name="realtime">At the speed of the audio.</param>
    /// <param name="time">Clock.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="RpcException">The grid refuses, or stays away for longer than the attempts last.</exception>
    /// <exception cref="IOException">The grid wants audio again that is no longer kept.</exception>
    public static async Task RunAsync(
        GridClient grid, AudioTape tape, StreamConfig config, IStreamView view, bool realtime, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var options = new StreamFeedOptions
        {
            Realtime = realtime,
            Sent = view.OnSent,
            Reconnect = new ReconnectOptions
            {
                Time = time,
                Interrupted = broken => view.OnInterrupted(Interruption(config.StreamId, broken)),
            },
        };
        var ready = false;
        await foreach (var response in new StreamFeed(grid, tape, config, options).RunAsync(cancellationToken).ConfigureAwait(false))
        {
            switch (response)
            {
                case { Ready: { } first } when !ready:
                    ready = true;
                    config.StreamId = first.StreamId;
                    view.OnNote(first.Model.Note);
                    view.OnReady(first);
                    break;
                case { Ready: { } again }:
                    view.OnNote(FormattableString.Invariant(
                        $"stream {config.StreamId} goes on at {(double)again.NextSample / tape.Format.SampleRateHz:0.00} s."));
                    break;
                case { Tags: { } tags }:
                    view.OnTags(tags);
                    break;
                case { Gap: { } gap }:
                    view.OnNote(FormattableString.Invariant(
                        $"the stream has a gap before {(double)gap.ToSample / tape.Format.SampleRateHz:0.00} s: {gap.Reason}"));
                    view.OnEvents(gap.Events);
                    break;
                case { Events: { } closed }:
                    view.OnEvents(closed.Events);
                    break;
                case { Summary: { } summary }:
                    view.OnSummary(summary);
                    break;
            }
        }
    }

    public static string Interruption(string what, Exception broken) =>
        $"stream {what} is interrupted ({(broken as RpcException)?.Status.Detail ?? broken.Message}); trying again.";
}
