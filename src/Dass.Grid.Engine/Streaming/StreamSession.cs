using System.Buffers;
using System.Diagnostics;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Engine.Streaming;

/// <summary>One stream: audio bytes in, tags out. Not thread-safe: one call at a time, except <see cref="Dispose"/>.</summary>
/// <remarks>Audio shorter than one frame (25 ms) gives no chunk and an empty summary.</remarks>
public sealed class StreamSession : IDisposable
{
    /// <summary>Of which every chunk but the last is a multiple.</summary>
    internal const int FramesOfPace = 32;

    private readonly StreamEngine _engine;
    private readonly Lock _planning = new();
    private readonly SessionStep _step;
    private readonly ArrayBufferWriter<float> _samples = new();
    private readonly List<ChunkScores> _undelivered = [];
    private ChunkPlan _plan; // under the lock, as the next
    private long _stepped = -1; // the frame at which the last step began
    private int _busy;
    private bool _disposed;

    internal StreamSession(
        StreamEngine engine, EngineDevice device, AudioFormat format, StreamSessionOptions options, StateSlot slot, EngineOwner owner)
    {
        _engine = engine;
        Owner = owner;
        Device = device;
        _plan = new ChunkPlan(options.Chunk, options.Chunk, 0);
        Format = format;
        Options = options;
        Intake = new AudioIntake(format);
        LogMel = new LogMel(engine.LogMelTables);
        Frames = new FrameBuffer(engine.Model.Config.MelBins);
        Pool = new TagPool(engine.Model.Config, engine.Head);
        _step = new SessionStep(slot, engine.Model.Config, Pool, owner.Shares[device.Index]);
    }

    public AudioFormat Format { get; }

    public StreamSessionOptions Options { get; }

    /// <summary>Samples per channel that have been taken in, at the stream's own rate: where the next push begins.</summary>
    public long AppliedSamples { get; internal set; }

    /// <summary>Frames of 10 ms that have been tagged: where the next chunk begins.</summary>
    public long TaggedFrames => Pool.Frames;

    /// <summary>Chunks that have been tagged.</summary>
    public long TaggedChunks => Pool.Chunks;

    /// <summary>How long its chunks are; at first as its options say. A snapshot does not hold it.</summary>
    public ChunkPlan Plan
    {
        get
        {
            lock (_planning)
            {
                return _plan;
            }
        }
    }

    /// <summary>How long the last step waited for the device.</summary>
    public TimeSpan LastWait { get; private set; }

    /// <summary>Whether the last step's audio came faster than real time, so that live streams went first.</summary>
    public bool CatchesUp { get; private set; }

    /// <inheritdoc cref="AudioIntake.MixLossDb"/>
    public double? MixLossDb => Intake.MixLossDb;

    /// <summary>Whether the stream has been ended by <see cref="CompleteAsync"/>.</summary>
    public bool Ended { get; internal set; }

    /// <summary>
    /// Chunks after which the recurrent state is that of a new stream again, so that nothing before is remembered; 0: never. Frames that
    /// wait and token sums stay: no audio is lost, trailing windows, mean and maximum go on. For studies; a snapshot does not hold it.
    /// </summary>
    internal int ForgetAfter { get; set; }

    /// <summary>Where its state lies.</summary>
    internal EngineDevice Device { get; }

    internal AudioIntake Intake { get; }

    internal LogMel LogMel { get; }

    internal FrameBuffer Frames { get; }

    internal TagPool Pool { get; }

    internal StateSlot Slot => _step.Slot;

    /// <summary>Whose it is.</summary>
    internal EngineOwner Owner { get; }

    /// <summary>Chunks that have been tagged and that no call has handed out yet.</summary>
    internal List<ChunkScores> Undelivered => _undelivered;

    private double AppliedSeconds => (double)AppliedSamples / Format.SampleRateHz;

    /// <summary>Takes in audio and tags every chunk that has become complete.</summary>
    /// <param name="audio">Whole frames in the stream's format (a multiple of <c>BytesPerFrame</c>); not kept after the call.</param>
    /// <param name="tags">Receives the new chunks; when the call throws, they come with a later call.</param>
    /// <param name="cancellationToken">Stops waiting between steps; audio that was taken in stays taken in.</param>
    /// <exception cref="AudioFormatException">A torn frame, a sample that is not finite, or an offline stream that grows too long; the
    /// message names its position. Nothing has changed.</exception>
    /// <exception cref="StepQueueFullException">The device is too busy. The audio is taken in and its tags follow with a later push, unless
    /// the stream already holds <see cref="EngineOptions.MaxBacklog"/>: then it is refused. <see cref="AppliedSamples"/> tells
    /// which.</exception>
    /// <exception cref="DeviceMemoryException">The device has no memory left. As when it is too busy.</exception>
    /// <exception cref="DeviceLostException">The device is lost, and the stream's state with it.</exception>
    /// <exception cref="StepFailedException">The model failed. The audio is taken in; the step is tried again with the next
    /// push.</exception>
    /// <exception cref="InvalidOperationException">The stream has ended, or another call is under way.</exception>
    public ValueTask PushAsync(ReadOnlyMemory<byte> audio, List<ChunkScores> tags, CancellationToken cancellationToken) =>
        PushAsync(silence: 0, audio, tags, cancellationToken);

    /// <summary>As for audio alone, with samples of silence before it, for which no bytes need come.</summary>
    public async ValueTask PushAsync(
        long silence, ReadOnlyMemory<byte> audio, List<ChunkScores> tags, CancellationToken cancellationToken)
    {
        BeginCall();
        try
        {
            if (Ended)
            {
                throw new InvalidOperationException("The stream has ended; it takes no more audio.");
            }
            cancellationToken.ThrowIfCancellationRequested();
            var seconds = (double)(silence + audio.Length / Format.BytesPerFrame) / Format.SampleRateHz;
            if (Options.Offline && AppliedSeconds + seconds > _engine.Options.MaxOfflineAudio.TotalSeconds)
            {
                throw new AudioFormatException(
                    $"Offline audio would be {AppliedSeconds + seconds:0.###} s long at sample {AppliedSamples}; "
                    + $"it must not exceed {_engine.Options.MaxOfflineAudio.TotalSeconds:0.###} s (EngineOptions.MaxOfflineAudio).");
            }
            if (ExceedsBacklog(seconds))
            {
                await RunStepsAsync(cancellationToken).ConfigureAwait(false);
            }
            await TakeInAsync(silence, audio, cancellationToken).ConfigureAwait(false);
            await RunStepsAsync(cancellationToken).ConfigureAwait(false);
            Deliver(tags);
        }
        finally
        {
            EndCall();
        }
    }

    /// <summary>
    /// Ends the stream: tags what is left, including a tail that is shorter than a chunk. After an exception it can be called again and
    /// goes on.
    /// </summary>
    /// <param name="tags">Receives the new chunks; when the call throws, they come with a later call.</param>
    /// <param name="cancellationToken">Stops waiting between steps.</param>
    /// <exception cref="StepQueueFullException">The device is too busy. Call again.</exception>
    /// <exception cref="StepFailedException">The model failed. Calling again tries again.</exception>
    public async ValueTask CompleteAsync(List<ChunkScores> tags, CancellationToken cancellationToken)
    {
        BeginCall();
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!Ended)
            {
                Flush();
                Ended = true;
            }
            await RunStepsAsync(cancellationToken).ConfigureAwait(false);
            Deliver(tags);
        }
        finally
        {
            EndCall();
        }
    }

    /// <summary>The figures of the audio so far.</summary>
    public StreamSummary Summary()
    {
        BeginCall();
        try
        {
            var wholeStream = Ended && Frames.Count == 0;
            return Pool.Summary(wholeStream ? AppliedSeconds : Pool.Frames * FrameRate.HopSeconds);
        }
        finally
        {
            EndCall();
        }
    }

    /// <summary>
    /// Writes the whole session, versioned; <see cref="StreamEngine.Restore"/> continues it to the bit. About the size of the state plus
    /// waiting audio.
    /// </summary>
    /// <exception cref="DeviceLostException">The state is lost with its device.</exception>
    public void Save(IBufferWriter<byte> to)
    {
        BeginCall();
        try
        {
            Device.ThrowIfLost();
            StreamSnapshot.Save(this, _engine.Model, new SnapshotWriter(to));
        }
        catch (DeviceLostException loss)
        {
            Device.Batcher.Lose(loss);
            throw;
        }
        finally
        {
            EndCall();
        }
    }

    /// <summary>
    /// Writes what <see cref="Save"/> does not: the levels of audio that waits. A session that is restored without them does not
    /// know the levels of the chunks that this audio belongs to.
    /// </summary>
    public void SaveLevels(IBufferWriter<byte> to)
    {
        BeginCall();
        Intake.SaveLevels(new SnapshotWriter(to));
        EndCall();
    }

    /// <summary>Goes on with the levels that were saved together with the snapshot from which this session was restored.</summary>
    /// <exception cref="SnapshotException">They are damaged, or another session's.</exception>
    public void RestoreLevels(ReadOnlySpan<byte> bytes)
    {
        BeginCall();
        try
        {
            var from = new SnapshotReader(bytes);
            Intake.RestoreLevels(ref from);
            SnapshotReader.Check(from.AtEnd, "end of levels", "bytes are left over");
        }
        finally
        {
            EndCall();
        }
    }

    /// <summary>
    /// Gives the slot back; at once, or when the step that runs on it has ended. A call that waits for a step fails with
    /// <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose()
    {
        if (!Interlocked.Exchange(ref _disposed, true))
        {
            Device.Batcher.Release(_step);
            _engine.Release(Owner);
        }
    }

    /// <summary>Changes how long its chunks are; may be called while another call is under way.</summary>
    /// <returns>False: chunks from the plan's place on have been begun, and nothing has changed.</returns>
    /// <exception cref="ArgumentException">A length breaks the rule of <see cref="StreamSessionOptions.Chunk"/>.</exception>
    public bool TryPlan(ChunkPlan plan)
    {
        (Options with { Chunk = plan.Chunk }).Validate();
        (Options with { Chunk = plan.Next }).Validate();
        lock (_planning)
        {
            if (_stepped >= plan.FromFrame)
            {
                return false;
            }
            _plan = plan;
            return true;
        }
    }

    // A backlog, not a long push: with no step due, the push's own steps run before the next push comes.
    private bool ExceedsBacklog(double seconds)
    {
        var (chunk, lookAhead) = Schedule();
        return !Options.Offline
            && Frames.Count >= chunk + lookAhead
            && (Frames.Count - chunk - lookAhead) * FrameRate.HopSeconds + seconds > _engine.Options.MaxBacklog.TotalSeconds;
    }

    private ChunkSchedule Schedule() => Options.ScheduleOf(Plan.At(Pool.Frames));

    private async ValueTask TakeInAsync(long silence, ReadOnlyMemory<byte> audio, CancellationToken cancellationToken)
    {
        var intake = Owner.Intake;
        await intake.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var began = Stopwatch.GetTimestamp();
            TakeIn(silence, audio.Span);
            _engine.Instruments.TakenIn(Stopwatch.GetElapsedTime(began));
        }
        finally
        {
            intake.Release();
        }
    }

    private void TakeIn(long silence, ReadOnlySpan<byte> audio)
    {
        _samples.ResetWrittenCount();
        Intake.Push(silence, audio, _samples);
        AppliedSamples += silence + audio.Length / Format.BytesPerFrame;
        LogMel.Push(_samples.WrittenSpan, Frames);
        if (Schedule().Next(Frames.Count + LogMel.Waiting, Ended).Frames > 0)
        {
            LogMel.Complete(Frames);
        }
    }

    private void Flush()
    {
        _samples.ResetWrittenCount();
        Intake.Flush(_samples);
        LogMel.Push(_samples.WrittenSpan, Frames);
        LogMel.Complete(Frames);
    }

    private async ValueTask RunStepsAsync(CancellationToken cancellationToken)
    {
        while (NextStep() is (> 0, _) shape)
        {
            var forget = ForgetAfter > 0 && Pool.Chunks > 0 && Pool.Chunks % ForgetAfter == 0;
            if (forget)
            {
                Slot.Reset();
            }
            else if (Slot.CommittedFrames != Pool.Frames)
            {
                ObjectDisposedException.ThrowIf(_disposed, this); // its slot may have another's state by now
                throw new InvalidOperationException(
                    $"The stream's state is at frame {Slot.CommittedFrames} and its tags at {Pool.Frames}, because scoring failed; "
                    + "restore it from a snapshot.");
            }
            _step.Shape(shape.Frames, shape.Committed);
            Frames.Frames[.._step.Features.Length].CopyTo(_step.Features);
            var last = Ended && shape.Committed == Frames.Count;
            _step.EndSeconds = last ? AppliedSeconds : (Pool.Frames + shape.Committed) * FrameRate.HopSeconds;
            await Device.Batcher.StepAsync(_step, cancellationToken).ConfigureAwait(false);
            var chunk = _step.Score() with
            {
                Level = Intake.TakeLevel(last ? int.MaxValue : shape.Committed / FramesOfPace),
                Spectrogram = Spectrogram.Columns(Frames.Frames, shape.Committed, _engine.LogMelTables),
            };
            if (forget)
            {
                Slot.CommittedFrames = Pool.Frames; // the step counted from 0
            }
            (LastWait, CatchesUp) = (Stopwatch.GetElapsedTime(0, _step.Waited), !_step.Live);
            Frames.Drop(shape.Committed);
            _undelivered.Add(chunk);
        }
    }

    private (int Frames, int Committed) NextStep()
    {
        lock (_planning)
        {
            var shape = Schedule().Next(Frames.Count, Ended);
            _stepped = shape.Frames > 0 ? Pool.Frames : _stepped;
            return shape;
        }
    }

    private void Deliver(List<ChunkScores> tags)
    {
        tags.AddRange(_undelivered);
        _undelivered.Clear();
    }

    private void BeginCall()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _busy, 1) == 1)
        {
            throw new InvalidOperationException("Another call on this stream is under way; one at a time.");
        }
    }

    private void EndCall() => Volatile.Write(ref _busy, 0);
}
