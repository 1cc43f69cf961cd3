using Dass.Grid.Cli.Clips;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.Client;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using AudioFormat = Dass.Grid.Engine.Audio.AudioFormat;
using AudioLevel = Dass.Grid.Engine.Audio.AudioLevel;

namespace Dass.Grid.Cli.Sources;

/// <summary>Keeps one live source running, and its stream fed, until it is told to stop.</summary>
/// <param name="spec">The source.</param>
/// <param name="status">Is told how it stands.</param>
/// <param name="grid">The grid.</param>
/// <param name="options">How it is fed.</param>
/// <param name="view">Shows the stream's answers. Null: the status does.</param>
internal sealed class SourceRunner(
    SourceSpec spec, SourceStatus status, GridClient grid, LiveFeedOptions options, IStreamView? view = null)
{
    private const int ReadMilliseconds = 200; // of audio, in one read

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    /// <summary>A live source that is silent, clipped or away for so long is an event.</summary>
    private static readonly TimeSpan SilentAfter = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ClippedAfter = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LostAfter = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Steady = TimeSpan.FromSeconds(10); // of audio: then the next pause is the first again
    private static readonly TimeSpan TickSpan = TimeSpan.FromSeconds(0.5);

    private readonly TimeProvider _time = options.Time;
    private StreamConfig? _config;
    private string _told = "";
    private TimeSpan _heard; // of the source since it was opened

    public StreamConfig Config { init => _config = value; }

    /// <summary>Keeps audio around events. Null: none is kept.</summary>
    public ClipKeeper? Clips { get; init; }

    /// <exception cref="RpcException">The grid stays away, or refuses, for longer than the options allow.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var pause = FirstPause;
        LiveFeed? feed = null;
        AudioFormat? fed = null;
        var answering = Task.CompletedTask;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            for (var again = false; !answering.IsFaulted; again = true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                status.OnOpening(again);
                var why = "";
                _heard = TimeSpan.Zero;
                try
                {
                    await using var input = await SourceInput.OpenAsync(spec, cancellationToken).ConfigureAwait(false);
                    if (fed != input.Format)
                    {
                        await LeaveAsync(feed, answering).ConfigureAwait(false);
                        feed = NewFeed(fed = input.Format);
                        answering = AnswerAsync(feed, status, view, Clips, _time, stop.Token);
                    }
                    await ReadAsync(input, feed!, answering, cancellationToken).ConfigureAwait(false);
                    why = await input.WhyEndedAsync().ConfigureAwait(false);
                }
                catch (IOException broken)
                {
                    why = broken.Message;
                }
                pause = _heard >= Steady ? FirstPause : pause;
                status.OnClosed(why);
                await PauseAsync(pause * (0.75 + Random.Shared.NextDouble() / 2), feed, cancellationToken).ConfigureAwait(false);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
            await answering.ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await answering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            feed?.Dispose();
        }
    }

    /// <summary>Tells the status, and the view if there is one, what the grid answers.</summary>
    public static async Task AnswerAsync(
        LiveFeed feed, SourceStatus status, IStreamView? view, ClipKeeper? clips, TimeProvider time, CancellationToken cancellationToken)
    {
        await foreach (var answer in feed.RunAsync(cancellationToken).ConfigureAwait(false))
        {
            if (clips is not null)
            {
                await clips.OnAnswerAsync(answer, feed.CaptureTime, cancellationToken).ConfigureAwait(false);
            }
            switch (answer)
            {
                case { Ready: { } ready }:
                    status.OnGridThere();
                    view?.OnNote(ready.Model.Note);
                    view?.OnReady(ready);
                    break;
                case { Tags: { } tags }:
                    var delay = time.GetUtcNow() - feed.CaptureTime - TimeSpan.FromSeconds(tags.EndSeconds);
                    status.OnTags(LineView.List(tags.WindowScores), delay);
                    view?.OnTags(tags);
                    break;
                case { Gap: { } gap }:
                    view?.OnNote($"the stream has a gap: {gap.Reason}");
                    view?.OnEvents(gap.Events);
                    break;
                case { Events: { } closed }:
                    view?.OnEvents(closed.Events);
                    break;
                case { Summary: { } summary }:
                    view?.OnSummary(summary);
                    break;
            }
        }
    }

    public static string Reason(Exception broken) =>
        broken is RpcException { Status: { DebugException: { } cause } } ? cause.GetBaseException().Message
        : (broken as RpcException)?.Status.Detail ?? broken.Message;

    /// <summary>Each note once: a grid that is away for a night is not told of a thousand times.</summary>
    private void Tell(Action<string> report, IStreamView? to, string note)
    {
        report(note);
        if (Interlocked.Exchange(ref _told, note) != note)
        {
            to?.OnInterrupted(note + " Trying again.");
        }
    }

    private static async Task LeaveAsync(LiveFeed? feed, Task answering)
    {
        feed?.Complete();
        await answering.ConfigureAwait(false);
        feed?.Dispose();
    }

    public LiveFeed NewFeed(AudioFormat format)
    {
        var config = new StreamConfig(_config ?? new StreamConfig()) { StreamId = spec.Id };
        if (_config is null)
        {
            config.Model = spec.Model;
            config.LabelEvents.Add(spec.EventLabels.Select(label => new LabelRule { Label = label }));
            config.Filter = new TagFilter { Top = 3 };
            config.Source = new SourceRule
            {
                SilentAfter = SilentAfter.ToDuration(), ClippedAfter = ClippedAfter.ToDuration(), LostAfter = LostAfter.ToDuration(),
            };
        }
        if (Clips is not null)
        {
            config.Filter.Dense = true; // whether speech is in a chunk is told by scores that are not shown
        }
        var feed = new LiveFeed(grid, AudioSourceStream.WireFormat(spec.HeardAs(format)), config, options with
        {
            Interrupted = broken => Tell(status.OnGridAway, view, $"The grid is away: {Reason(broken)}"),
            Refused = no => Tell(
                status.OnRefused, view,
                no.StatusCode == StatusCode.Aborted ? $"Another client feeds stream {spec.Id}, too; each needs an id of its own."
                    : $"The grid answers {no.StatusCode}: {Invocation.Spoken(no.Status.Detail)}"),
            Placed = Clips is { } clips ? (begin, audio) => clips.Add(format, begin, audio) : null,
        });
        status.Count(() => (feed.Missing, feed.LeftOut, feed.Dropped));
        return feed;
    }

    private async Task PauseAsync(TimeSpan pause, LiveFeed? feed, CancellationToken cancellationToken)
    {
        var until = _time.GetTimestamp();
        while (_time.GetElapsedTime(until) is var passed && passed < pause)
        {
            await Task.Delay(pause - passed < TickSpan ? pause - passed : TickSpan, _time, cancellationToken).ConfigureAwait(false);
            feed?.Tick();
        }
    }

    private async Task ReadAsync(SourceInput input, LiveFeed feed, Task answering, CancellationToken cancellationToken)
    {
        var (format, last) = (input.Format, _time.GetTimestamp());
        var buffer = new byte[format.SampleRateHz * ReadMilliseconds / 1000 * format.BytesPerFrame];
        feed.Begin();
        while (!answering.IsFaulted)
        {
            var reading = input.Audio.ReadAsync(buffer, CancellationToken.None).AsTask(); // ended by the process that it reads from
            while (!reading.IsCompleted)
            {
                await Task.WhenAny(reading, Task.Delay(TickSpan, _time, cancellationToken)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                feed.Tick();
                if (spec.Stall > TimeSpan.Zero && _time.GetElapsedTime(last) > spec.Stall && !reading.IsCompleted)
                {
                    throw new IOException(FormattableString.Invariant($"It gave nothing for {spec.Stall.TotalSeconds:0.#} s."));
                }
            }
            var read = await reading.ConfigureAwait(false);
            if (read == 0)
            {
                break;
            }
            last = _time.GetTimestamp();
            _heard += TimeSpan.FromSeconds((double)read / format.BytesPerFrame / format.SampleRateHz);
            status.OnAudio(AudioLevel.Of(format, buffer.AsSpan(0, read))?.RmsDbfs);
            if (feed.Write(buffer.AsSpan(0, read)) is var wait && wait > TimeSpan.Zero)
            {
                await PauseAsync(wait, feed, cancellationToken).ConfigureAwait(false);
                last = _time.GetTimestamp();
            }
        }
    }
}
