using Dass.Grid.Client;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Sources;

/// <summary>Standard input as a live source: it cannot be opened again, so its end is the program's.</summary>
internal static class PipedInput
{
    private const int ReadMilliseconds = 200; // of audio

    private static readonly TimeSpan TickSpan = TimeSpan.FromSeconds(0.5);

    /// <summary>Gives the feed all that comes, and its end.</summary>
    /// <exception cref="Dass.Grid.Engine.AudioFormatException">The input turned out to be damaged.</exception>
    public static async Task ReadAsync(IAudioSource source, LiveFeed feed, Action onPaced, CancellationToken cancellationToken)
    {
        var buffer = new byte[source.Format.SampleRateHz * ReadMilliseconds / 1000 * source.Format.BytesPerFrame];
        var isPaced = false;
        while (true)
        {
            // A read of standard input cannot be cancelled.
            var reading = source.ReadAsync(buffer, CancellationToken.None).AsTask();
            while (!reading.IsCompleted)
            {
                await Task.WhenAny(reading, Task.Delay(TickSpan, cancellationToken)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                feed.Tick();
            }
            if (await reading.ConfigureAwait(false) is var read && read == 0)
            {
                break;
            }
            var wait = feed.Write(buffer.AsSpan(0, read));
            if (wait > TimeSpan.FromSeconds(1) && !isPaced)
            {
                isPaced = true;
                onPaced();
            }
            await WaitAsync(wait, feed, cancellationToken).ConfigureAwait(false);
        }
        await WaitAsync(feed.Write([]), feed, cancellationToken).ConfigureAwait(false);
        feed.Complete();
    }

    private static async Task WaitAsync(TimeSpan wait, LiveFeed feed, CancellationToken cancellationToken)
    {
        for (var since = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(since) < wait;)
        {
            await Task.Delay(wait < TickSpan ? wait : TickSpan, cancellationToken).ConfigureAwait(false);
            feed.Tick();
        }
    }
}
