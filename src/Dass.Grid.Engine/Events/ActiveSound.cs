namespace Dass.Grid.Engine.Events;

/// <summary>Whether a label's sound is on.</summary>
internal enum SoundPhase : byte
{
    Silent,

    /// <summary>The last chunk's score was at least Off.</summary>
    On,

    /// <summary>Off, for no longer than a pause may be.</summary>
    Paused,
}

/// <summary>A label's sound while it lasts, whether or not it is an event yet. Its default is silence.</summary>
internal struct ActiveSound
{
    public SoundPhase Phase;
    public bool ReachedOn;
    public long OpenedChunk; // valid when Opened
    public bool Opened;
    public double Onset; // seconds
    public double Until; // seconds: when it went off, or while it is on until when at least it lasts
    public double Reported; // seconds: end of the chunk with the last reported change
    public float Peak;
    public double PeakSeconds;
    public double Sum; // of the scores of Chunks
    public long Chunks; // that were not below Off

    public readonly double Length => Until - Onset;

    public void Add(float score, double centre)
    {
        Until = centre;
        Sum += score;
        if (Chunks++ == 0 || score > Peak)
        {
            (Peak, PeakSeconds) = (score, centre);
        }
    }

    public readonly EventChange Change(EventChangeKind kind, int label) =>
        new(kind, label, OpenedChunk, Onset, Until, Peak, PeakSeconds, (float)(Sum / Chunks));

    public readonly void Save(SnapshotWriter to)
    {
        to.Write((byte)Phase);
        to.Write((byte)(ReachedOn ? 1 : 0));
        to.Write(Opened ? OpenedChunk : -1);
        to.Write(Onset);
        to.Write(Until);
        to.Write(Reported);
        to.Write(Peak);
        to.Write(PeakSeconds);
        to.Write(Sum);
        to.Write(Chunks);
    }

    /// <param name="from">Where <see cref="Save"/> wrote.</param>
    /// <param name="chunks">Indices that chunks have had so far.</param>
    /// <param name="end">End of the last chunk, seconds.</param>
    public static ActiveSound Restore(ref SnapshotReader from, long chunks, double end)
    {
        var phase = from.Read<byte>("phase of a sound");
        var reachedOn = from.Read<byte>("sound has reached On");
        var opened = from.Read<long>("opened chunk");
        var sound = new ActiveSound
        {
            Phase = (SoundPhase)phase,
            ReachedOn = reachedOn == 1,
            Opened = opened >= 0,
            OpenedChunk = opened,
            Onset = from.Read<double>("onset"),
            Until = from.Read<double>("offset"),
            Reported = from.Read<double>("time of the last change"),
            Peak = from.Read<float>("peak"),
            PeakSeconds = from.Read<double>("time of the peak"),
            Sum = from.Read<double>("sum of scores"),
            Chunks = from.Read<long>("chunks of a sound"),
        };
        SnapshotReader.Check(
            (SoundPhase)phase is SoundPhase.On or SoundPhase.Paused && reachedOn <= 1, "phase of a sound", $"{phase}, {reachedOn}");
        SnapshotReader.Check(opened >= -1 && opened < chunks && (opened < 0 || sound.ReachedOn), "opened chunk", $"{opened}");
        SnapshotReader.Check(
            sound.Onset <= sound.Until && sound.Until <= end && Math.Abs(sound.Onset) <= end && sound.Reported >= 0
            && sound.Reported <= end,
            "times of a sound", $"{sound.Onset}, {sound.Until}, {sound.Reported}");
        SnapshotReader.Check(
            sound.Chunks >= 1 && sound.Chunks <= chunks && sound.Peak is >= 0 and <= 1 && sound.Sum >= 0 && sound.Sum <= sound.Chunks,
            "scores of a sound", $"{sound.Peak}, {sound.Sum}, {sound.Chunks}");
        SnapshotReader.Check(
            sound.PeakSeconds >= sound.Onset && sound.PeakSeconds <= sound.Until, "time of the peak", $"{sound.PeakSeconds}");
        return sound;
    }
}
