using System.Buffers;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Grains.Checkpoints;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Streams;

namespace Dass.Grid.Grains.Sessions;

/// <summary>A stream's session with the law of its positions. Not thread-safe; only <see cref="Heard"/> and positions may be read during a push.</summary>
internal sealed class LiveStream(
    StreamSession session, ServedModel model, StreamShape shape, DateTimeOffset begun, StreamOrigin origin, StreamEvents events) : IDisposable
{
    private readonly List<ChunkScores> _fresh = [];
    private HeardSummary _heard = new(0, 0, [], []);
    private bool _heardIsOld;
    private bool _inSession;

    public StreamShape Shape => shape;

    public ServedModel Model => model;

    public DateTimeOffset Begun => begun;

    public StreamOrigin Origin => origin;

    public StreamEvents Events => events;

    /// <summary>End of the audio that has been taken in, in stream time.</summary>
    public double NextSeconds => (double)NextSample / shape.Format.SampleRateHz;

    /// <summary>See <see cref="StreamSession.LastWait"/>.</summary>
    public TimeSpan DeviceWait => session.LastWait;

    /// <summary>See <see cref="StreamSession.CatchesUp"/>.</summary>
    public bool CatchesUp => session.CatchesUp;

    public long NextSample => origin.Sample + session.AppliedSamples;

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

    /// <summary>Cuts off what the stream already has.</summary>
    /// <returns>Why the audio cannot follow, or null with the news, which may be empty.</returns>
    public Refusal? News(AudioBlock audio, out ReadOnlyMemory<byte> news)
    {
        news = default;
        var torn = audio.Data.Length % shape.BytesPerFrame;
        if (torn != 0)
        {
            return new Refusal(RefusalCode.InvalidRequest, Wording.TornFrame(audio.Data.Length, shape.BytesPerFrame));
        }
        if (audio.FirstSample > NextSample)
        {
            return new Refusal(
                RefusalCode.PositionGap,
                $"audio.first_sample is {audio.FirstSample}; the stream has audio up to sample {NextSample} and expects that one next.");
        }
        var known = Math.Min((NextSample - audio.FirstSample) * shape.BytesPerFrame, audio.Data.Length);
        news = audio.Data[(int)known..];
        return null;
    }

    public Task PushAsync(ReadOnlyMemory<byte> audio, CancellationToken cancellationToken) =>
        InSession(session.PushAsync(audio, _fresh, cancellationToken));

    public Task CompleteAsync(CancellationToken cancellationToken) => InSession(session.CompleteAsync(_fresh, cancellationToken));

    /// <summary>Chunks since the last call.</summary>
    public ChunkTags[] TakeFresh()
    {
        var before = (double)origin.Sample / shape.Format.SampleRateHz;
        var tags = _fresh.Select(chunk => new ChunkTags(
            origin.Chunk + chunk.Index, before + chunk.StartSeconds, before + chunk.EndSeconds, chunk.Scores, chunk.WindowScores)).ToArray();
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
