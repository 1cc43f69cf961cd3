using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Dass.Grid.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace Dass.Grid.Client;

/// <summary>
/// Feeds a microphone, a camera or a radio to one stream for ever, at the times of day at which they were heard. Time in which the source
/// gave nothing, and what its clock is slow, are reported as lost audio; what it is fast is left out. So the time of an event stays true,
/// however long the stream lives. A grid that is away is waited for, and a stream that has ended begins again under its id.
/// </summary>
/// <remarks>One thread writes, another enumerates <see cref="RunAsync"/>.</remarks>
public sealed class LiveFeed : IDisposable
{
    private static readonly TimeSpan Alike = TimeSpan.FromSeconds(0.25); // places closer than it are one
    private static readonly TimeSpan MaxLead = TimeSpan.FromSeconds(30); // of a stream before the time of day

    private static readonly TimeSpan Owned = TimeSpan.FromMinutes(1); // then a stream is this feeder's again, after another had it

    private readonly GridClient _grid;
    private readonly LiveFeedOptions _options;
    private readonly AudioFormat _format;
    private readonly StreamConfig _config;
    private readonly LiveClock _clock;
    private readonly Dictionary<int, DateTimeOffset> _epochs = []; // by era; the lock of _clock
    private readonly LiveSpool? _spool;
    private readonly LiveBuffer _buffer;
    private byte[] _torn = []; // a part of a frame
    private DateTimeOffset _begin; // of the stream that is fed now

    /// <param name="grid">The grid.</param>
    /// <param name="format">What <see cref="Write"/> takes.</param>
    /// <param name="config">The stream, which needs a stream_id; copied. Its format, positions and times are filled in.</param>
    /// <param name="options">How it is fed.</param>
    /// <exception cref="ArgumentException">The stream has no id, or the format's encoding is none.</exception>
    /// <exception cref="IOException">The tape's directory cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">So it cannot.</exception>
    public LiveFeed(GridClient grid, AudioFormat format, StreamConfig config, LiveFeedOptions? options = null)
    {
        if (config.StreamId.Length == 0)
        {
            throw new ArgumentException("config.stream_id is empty; a live source needs one, to come back under.", nameof(config));
        }
        (_grid, _format, _options) = (grid, format.Clone(), options ?? new LiveFeedOptions());
        _config = new StreamConfig(config) { BeginAgain = true, Begun = null };
        _clock = new LiveClock(format.SampleRateHz, AudioTape.FrameBytes(format));
        _spool = _options.TapeDirectory is { } directory
            ? new LiveSpool(directory, config.StreamId, Bytes(format, _options.Tape))
            : null;
        _buffer = new LiveBuffer(Bytes(format, _options.Buffer), _spool);
    }

    /// <summary>When the stream's position 0 was heard: what its times count from. Before <see cref="Ready"/>: nothing.</summary>
    public DateTimeOffset CaptureTime => _begin;

    /// <summary>The source gave so much less than the time that has passed.</summary>
    public TimeSpan Missing => Span(_clock.Missing);

    /// <summary>The source gave so much more than the time that has passed; that was left out.</summary>
    public TimeSpan LeftOut => Span(_clock.LeftOut);

    /// <summary>Audio that was dropped because the grid was away for too long.</summary>
    public TimeSpan Dropped => Span(_buffer.Dropped / AudioTape.FrameBytes(_format));

    /// <summary>The source, or another in its place, begins: what it gives first may be older than now.</summary>
    public void Begin()
    {
        lock (_clock)
        {
            _torn = [];
            _clock.Begin();
        }
    }

    /// <summary>Audio that has just come. Never waits.</summary>
    /// <param name="audio">Any number of bytes; copied.</param>
    /// <returns>How long the next read of the source can wait: more than nothing only when the source gives a recording.</returns>
    public TimeSpan Write(ReadOnlySpan<byte> audio)
    {
        lock (_clock)
        {
            byte[] bytes = [.. _torn, .. audio];
            var whole = bytes.Length / AudioTape.FrameBytes(_format) * AudioTape.FrameBytes(_format);
            _torn = bytes[whole..];
            var now = _options.Time.GetUtcNow();
            Pass(whole == 0 ? _clock.Tick(now) : _clock.Take(bytes.AsMemory(0, whole), now));
            return _clock.Wait(now);
        }
    }

    /// <summary>Time passes without audio: to be called every second or so, or the last audio before a pause waits for more.</summary>
    public void Tick()
    {
        lock (_clock)
        {
            Pass(_clock.Tick(_options.Time.GetUtcNow()));
        }
    }

    /// <summary>No more audio comes: <see cref="RunAsync"/> ends when the grid has all of it.</summary>
    public void Complete()
    {
        lock (_clock)
        {
            Pass(_clock.Flush());
        }
        _buffer.Complete();
    }

    /// <summary>
    /// The grid's answers, as of <see cref="StreamFeed"/>; Ready and tags of each stream that follows under the same id. Enumerated once.
    /// </summary>
    /// <exception cref="RpcException">The grid stays away, or refuses, for longer than
    /// <see cref="LiveFeedOptions.GiveUpAfter"/>.</exception>
    public async IAsyncEnumerable<StreamResponse> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var refusals = new Reconnects(Patience(interrupted: null));
        var begun = _options.Time.GetTimestamp(); // of the call
        var takenOver = false;
        FilledTape? filled = null;
        var config = _config;
        try
        {
            while (true)
            {
                if (filled is null)
                {
                    if (await _buffer.PeekAsync(cancellationToken).ConfigureAwait(false) is not { } first)
                    {
                        yield break;
                    }
                    _config.CaptureTime = Timestamp.FromDateTimeOffset(EpochOf(first.Era) + Span(first.Position));
                    (filled, config) = (new FilledTape(this, first.Era, cancellationToken), new StreamConfig(_config));
                }
                var (fed, refused) = (filled, default(RpcException));
                var feed = new StreamFeed(_grid, fed.Tape, config, new StreamFeedOptions
                {
                    Reconnect = Patience(_options.Interrupted), LeavesOpen = () => !fed.EndsStream,
                });
                await using (var answers = feed.RunAsync(fed.Stop).GetAsyncEnumerator(fed.Stop))
                {
                    while (true)
                    {
                        try
                        {
                            if (!await answers.MoveNextAsync().ConfigureAwait(false))
                            {
                                break;
                            }
                        }
                        catch (RpcException no) when (!cancellationToken.IsCancellationRequested && refusals.HasPatience())
                        {
                            refused = no;
                            break;
                        }
                        if (answers.Current.Ready is { } ready)
                        {
                            fed.Begin(ready);
                            begun = _options.Time.GetTimestamp();
                            (config.BeginAgain, config.Begun) = (false, ready.Begun); // of another call: it goes on with this stream
                            config.FromChunk = Math.Max(config.FromChunk, ready.NextChunk);
                        }
                        if (answers.Current.Ack is not null && (!takenOver || _options.Time.GetElapsedTime(begun) > Owned))
                        {
                            refusals.Progress();
                            takenOver = false;
                        }
                        if (answers.Current.Tags is { } tags)
                        {
                            config.FromChunk = tags.Chunk + 1;
                        }
                        yield return answers.Current;
                    }
                }
                if (refused is null || !(fed.HasBegun && IsOfNow(refused)))
                {
                    await fed.DisposeAsync().ConfigureAwait(false);
                    filled = null;
                }
                // Two feeders of one id would take it from each other twice a second: the pauses grow until one has held it for long.
                takenOver |= refused?.StatusCode == StatusCode.Aborted;
                // A stream that has been ended by another call begins again at once; what is refused twice is refused for a reason.
                if (refused is not null && !(refused.StatusCode == StatusCode.FailedPrecondition && refusals.TryAtOnce()))
                {
                    _options.Refused?.Invoke(refused);
                    await refusals.PauseAsync(refused, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        finally
        {
            if (filled is not null)
            {
                await filled.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    public void Dispose() => _spool?.Dispose();

    private static long Bytes(AudioFormat format, TimeSpan span) =>
        (long)(span.TotalSeconds * format.SampleRateHz) * AudioTape.FrameBytes(format);

    private ReconnectOptions Patience(Action<Exception>? interrupted) => new()
    {
        GiveUpAfter = _options.GiveUpAfter, LongestPause = _options.LongestPause, Interrupted = interrupted, Time = _options.Time,
    };

    private void Pass(IReadOnlyList<LivePiece> pieces)
    {
        foreach (var piece in pieces)
        {
            _epochs[piece.Era] = _clock.Epoch!.Value;
            _buffer.Add(piece);
            _options.Placed?.Invoke(_clock.Epoch.Value + Span(piece.Position), piece.Data);
        }
    }

    /// <summary>
    /// Whether the grid may take the same stream later, e.g. when it has room: then it needs the audio of which it has no checkpoint again.
    /// </summary>
    private static bool IsOfNow(RpcException refused) => refused.StatusCode is StatusCode.ResourceExhausted or StatusCode.Unauthenticated
        or StatusCode.PermissionDenied or StatusCode.Internal or StatusCode.Unknown or StatusCode.Cancelled or StatusCode.DeadlineExceeded;

    private DateTimeOffset EpochOf(int era)
    {
        lock (_clock)
        {
            return _epochs[era];
        }
    }

    private TimeSpan Span(long samples) => TimeSpan.FromSeconds((double)samples / _format.SampleRateHz);

    /// <summary>The tape of one stream, and what moves audio from the buffer to it once the stream has said where it goes on.</summary>
    private sealed class FilledTape : IAsyncDisposable
    {
        private readonly LiveFeed _feed;
        private readonly int _era;
        private readonly CancellationTokenSource _stop;
        private readonly Pipe _pipe;
        private Task? _filling;
        private volatile bool _endsStream;

        public FilledTape(LiveFeed feed, int era, CancellationToken cancellationToken)
        {
            (_feed, _era, _stop) = (feed, era, CancellationTokenSource.CreateLinkedTokenSource(cancellationToken));
            var second = Bytes(feed._format, TimeSpan.FromSeconds(1));
            _pipe = new Pipe(new PipeOptions(pauseWriterThreshold: second, resumeWriterThreshold: second / 2));
            Tape = new AudioTape(feed._format, _pipe.Reader.AsStream(), lifetime: _stop.Token);
        }

        public AudioTape Tape { get; }

        public CancellationToken Stop => _stop.Token;

        /// <summary>Whether it has audio, or waits for it.</summary>
        public bool HasBegun => _filling is not null;

        /// <summary>Whether the end of the tape is that of the stream.</summary>
        public bool EndsStream => _endsStream;

        public void Begin(Ready ready)
        {
            if (_filling is null)
            {
                _feed._begin = (ready.CaptureTime ?? ready.Begun).ToDateTimeOffset();
                _filling = FillAsync(ready.NextSample);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync().ConfigureAwait(false);
            await (_filling ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _pipe.Writer.CompleteAsync().ConfigureAwait(false);
            await Tape.DisposeAsync().ConfigureAwait(false);
            _stop.Dispose();
        }

        private async Task FillAsync(long at)
        {
            var (frame, rate) = (AudioTape.FrameBytes(_feed._format), _feed._format.SampleRateHz);
            long? offset = null; // from the clock's positions to the stream's
            var given = 0L;
            LivePiece? next;
            while ((next = await _feed._buffer.PeekAsync(_stop.Token).ConfigureAwait(false)) is { } piece && piece.Era == _era)
            {
                offset ??= Offset(piece, at, rate);
                var place = piece.Position + offset.Value;
                if (at - place > MaxLead.TotalSeconds * rate)
                {
                    break; // it was fed faster than time passes: only a new stream has the right times
                }
                if (!_feed._buffer.TryTake(piece))
                {
                    continue;
                }
                var data = piece.Data[(int)Math.Min(piece.Data.Length, Math.Max(0, at - place) * frame)..];
                if (data.IsEmpty)
                {
                    continue; // the stream has that time already
                }
                if (place > at)
                {
                    Tape.Lose(given, place - at);
                }
                (at, given) = (Math.Max(at, place) + data.Length / frame, given + data.Length / frame);
                await _pipe.Writer.WriteAsync(data, _stop.Token).ConfigureAwait(false);
            }
            _endsStream = next is not null || _feed._options.Finish;
            await _pipe.Writer.CompleteAsync().ConfigureAwait(false);
        }

        private long Offset(LivePiece first, long at, int rate)
        {
            var offset = (long)Math.Round((_feed.EpochOf(_era) - _feed._begin).TotalSeconds * rate);
            var gap = first.Position + offset - at;
            return Math.Abs(gap) <= Alike.TotalSeconds * rate ? offset - gap : offset;
        }
    }
}
