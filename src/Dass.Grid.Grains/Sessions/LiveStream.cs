using System.Buffers;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Models;

namespace Dass.Grid.Grains.Sessions;

/// <summary>
/// A stream's session with the rule of its positions and the tracker of its events. Not thread-safe; only <see cref="Heard"/> and positions
/// may be read during a push.
/// </summary>
internal sealed class LiveStream(
    StreamSession session, ServedModel model, StreamShape shape, DateTimeOffset begun, StreamOrigin origin, StreamEvents events)
    : IDisposable
{
    private readonly List<ChunkScores> _fresh = [];
    private HeardSummary _heard = new(0, 0, [], []);
    private bool _heardIsOld;
    private bool _inSession;
    private StreamEndReason? _ending;
    private long _settled; // clients may have been told of chunks before this frame

    public StreamShape Shape => shape;

    public ServedModel Model => model;

    public DateTimeOffset Begun => begun;

    public StreamOrigin Origin => origin;

    public StreamEvents Events => events;

    /// <summary>Why the stream has begun to end; null: it has not.</summary>
    public StreamEndReason? Ending => session.Ended ? _ending ?? StreamEndReason.Finished : null;

    /// <summary>End of the audio that has been taken in, in stream time.</summary>
    public double NextSeconds => (double)NextSample / shape.Format.SampleRateHz;

    /// <summary>See <see cref="StreamSession.LastWait"/>.</summary>
    public TimeSpan DeviceWait => session.LastWait;

    /// <summary>See <see cref="StreamSession.CatchesUp"/>.</summary>
    public bool CatchesUp => session.CatchesUp;

    public long NextSample => origin.Sample + session.AppliedSamples;

    /// <summary>See <see cref="StreamSpec.LatencyBudget"/>.</summary>
    public TimeSpan? LatencyBudget { get; set; }

    /// <summary>For its checkpoint: how long its chunks are. Null: as its shape says, for ever.</summary>
    public ChunkLengths? ChunkLengths =>
        LatencyBudget is null && session.Plan == new ChunkPlan(shape.Chunk, shape.Chunk, 0) ? null : LengthsBy(session.Plan);

    /// <summary>How many more chunks there would have been so far, had all had the length of the shape.</summary>
    public long SparedChunks
    {
        get
        {
            var begun = origin.Sample / (shape.Format.SampleRateHz * shape.Chunk.TotalSeconds);
            var tagged = session.TaggedFrames / (shape.Chunk / ChunkPlanning.Frame);
            return (long)Math.Round(begun + tagged) - origin.Chunk - session.TaggedChunks;
        }
    }

    /// <summary>Writes session and events; not during a push.</summary>
    public CheckpointState State => new(events.Save, session.Save);

    /// <summary>The summary as of the last finished push: the session cannot be asked while it works.</summary>
    public HeardSummary Heard
    {
        get
        {
            if (_heardIsOld && !_inSession)
            {
                var summary = session.Summary();
                _heard = new HeardSummary(summary.DurationSeconds, summary.Chunks, summary.Mean, summary.Max);
                _heardIsOld = false;
            }
            return _heard;
        }
    }

    /// <summary>A change of the chunks' length that suits the device's load, for the next checkpoint; null: none.</summary>
    /// <param name="nextChunk">Clients have been told of chunks before it.</param>
    public ChunkPlan? ChangeOfPlan(long nextChunk) =>
        session.TaggedFrames < _settled || origin.Chunk + session.TaggedChunks < nextChunk
            ? null
            : ChunkPlanning.Change(session.Plan, shape, LatencyBudget, model.Engine.Busy, session.TaggedFrames);

    public ChunkLengths LengthsBy(ChunkPlan plan) => new(plan.Chunk, plan.Next, plan.FromFrame, LatencyBudget, _settled);

    /// <summary>The stream has been further, on another silo: what is heard again keeps its lengths.</summary>
    public void HearAgain() => _settled = session.TaggedFrames + ChunkPlanning.Replay(shape);

    /// <summary>See <see cref="StreamSession.TryPlan"/>.</summary>
    public bool TryPlan(ChunkPlan plan) => session.TryPlan(plan);

    /// <summary>Goes on with what <see cref="ChunkLengths"/> was.</summary>
    /// <exception cref="SnapshotException">Damaged.</exception>
    public void Restore(ChunkLengths? lengths)
    {
        if (lengths is null)
        {
            return;
        }
        try
        {
            (LatencyBudget, _settled) = (lengths.LatencyBudget, lengths.SettledFrame);
            TryPlan(new ChunkPlan(lengths.Chunk, lengths.Next, lengths.FromFrame));
        }
        catch (ArgumentException broken)
        {
            throw new SnapshotException($"The stream's chunk lengths are damaged: {broken.Message}");
        }
    }

    /// <summary>Cuts off the audio that the stream already has.</summary>
    /// <returns>Why the audio cannot follow, or null with the rest of it, which may be empty.</returns>
    public Refusal? TrimApplied(AudioBlock audio, out AudioBlock rest)
    {
        rest = audio;
        if (audio.Data.Length % shape.BytesPerFrame != 0)
        {
            return new Refusal(
                RefusalCode.InvalidRequest,
                $"audio of {audio.Data.Length} bytes ends inside a sample frame; whole frames of {shape.BytesPerFrame} bytes "
                + "(channels × bytes per sample) are needed.");
        }
        if (audio.Start > NextSample)
        {
            return new Refusal(
                RefusalCode.PositionGap,
                $"audio.first_sample is {audio.Start}; the stream has audio up to sample {NextSample} and expects that one next.");
        }
        var applied = Math.Clamp((NextSample - audio.FirstSample) * shape.BytesPerFrame, 0, audio.Data.Length);
        var lost = Math.Clamp(audio.FirstSample - NextSample, 0, audio.LostBefore);
        rest = audio with { FirstSample = NextSample + lost, Data = audio.Data[(int)applied..], LostBefore = lost };
        return null;
    }

    /// <summary>Takes in what <see cref="TrimApplied"/> has left.</summary>
    public Task PushAsync(AudioBlock rest, CancellationToken cancellationToken) =>
        InSession(session.PushAsync(rest.LostBefore, rest.Data, _fresh, cancellationToken));

    /// <summary>Tags the tail. After an exception the stream takes no more audio; called again, this goes on.</summary>
    public Task CompleteAsync(StreamEndReason reason, CancellationToken cancellationToken)
    {
        _ending ??= reason;
        return InSession(session.CompleteAsync(_fresh, cancellationToken));
    }

    /// <summary>Chunks since the last call, with their events, in order.</summary>
    /// <param name="fromChunk">Chunks before it are left out: the stream had them before it was begun again.</param>
    public List<ChunkTags> Take(long fromChunk)
    {
        var before = (double)origin.Sample / shape.Format.SampleRateHz;
        var tags = new List<ChunkTags>(_fresh.Count);
        foreach (var fresh in _fresh)
        {
            var chunk = fresh with
            {
                Index = origin.Chunk + fresh.Index, StartSeconds = before + fresh.StartSeconds, EndSeconds = before + fresh.EndSeconds,
            };
            if (chunk.Index >= fromChunk)
            {
                tags.Add(new ChunkTags(chunk.Index, chunk.StartSeconds, chunk.EndSeconds, chunk.Scores, chunk.WindowScores)
                {
                    Events = events.Add(chunk),
                    Level = chunk.Level is { } level ? new StreamLevel(level.RmsDbfs, level.PeakDbfs, level.ClippedShare) : null,
                    Spectrogram = chunk.Spectrogram,
                });
            }
        }
        _fresh.Clear();
        return tags;
    }

    /// <summary>Sets the tenant's device time in relation to other tenants; null leaves it.</summary>
    public void Weigh(string tenant, double? weight)
    {
        if (weight is { } given)
        {
            model.Engine.Weigh(tenant, given);
        }
    }

    /// <summary>Writes the levels of audio that waits for its chunk, which the session's own state leaves out; not during a push.</summary>
    public void SaveLevels(IBufferWriter<byte> to) => session.SaveLevels(to);

    /// <summary>Goes on with them.</summary>
    /// <exception cref="SnapshotException">They are not of this session.</exception>
    public void RestoreLevels(ReadOnlySpan<byte> bytes) => session.RestoreLevels(bytes);

    /// <summary>Writes the session; not during a push.</summary>
    public void Save(IBufferWriter<byte> to) => session.Save(to);

    public void Dispose() => session.Dispose();

    private async Task InSession(ValueTask work)
    {
        _inSession = true;
        try
        {
            await work;
        }
        finally
        {
            _inSession = false;
            _heardIsOld = true;
        }
    }
}
