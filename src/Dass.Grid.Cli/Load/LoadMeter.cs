using Dass.Grid.Cli.Output;
using Dass.Grid.V1;

namespace Dass.Grid.Cli.Load;

/// <summary>Measures one stream of a load instead of showing it.</summary>
/// <remarks>
/// In real time audio counts as sent when it was due: a grid that does not take it would otherwise hold the clock, and look quick.
/// </remarks>
internal sealed class LoadMeter(LoadTally tally, bool realtime, Action<double> onAudio, TimeProvider time) : IStreamView
{
    private const double FrameOverhangSeconds = 0.015; // frames of 25 ms every 10 ms: the last one reaches so far beyond its chunk

    private readonly Lock _lock = new();
    private readonly Queue<(long Sample, long Sent)> _sent = new(); // what no chunk has come for yet: bounded by the feeder's lead
    private Ready? _ready;
    private (long Sample, long Sent)? _pace; // where real time began, or began again after an interruption
    private long _newest;
    private long _nextChunk;

    public bool Began => _ready is not null;

    public string? Note { get; private set; }

    public void OnReady(Ready ready) => _ready = ready;

    public void OnSent(long sample)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (sample == long.MaxValue)
            {
                _sent.Enqueue((sample, now));
                return;
            }
            _pace ??= (sample, now);
            if (sample > _newest)
            {
                var seconds = (double)(sample - _pace.Value.Sample) / _ready!.Format.SampleRateHz;
                var due = _pace.Value.Sent + (long)(seconds * time.TimestampFrequency);
                if (due > now)
                {
                    (_pace, due) = ((sample, now), now); // nothing goes out before it is due: what began the pace was late
                }
                _sent.Enqueue((_newest = sample, realtime ? due : now));
            }
        }
    }

    public void OnTags(Tags tags)
    {
        long sent;
        lock (_lock)
        {
            var last = (tags.EndSeconds + _ready!.LookAhead.ToTimeSpan().TotalSeconds + FrameOverhangSeconds) * _ready.Format.SampleRateHz;
            while (_sent.Peek().Sample < last && _sent.Count > 1)
            {
                _sent.Dequeue();
            }
            sent = _sent.Peek().Sent;
        }
        tally.OnChunk(tags.EndSeconds - tags.StartSeconds, Math.Max(0, time.GetElapsedTime(sent).TotalSeconds), tags.Chunk - _nextChunk);
        _nextChunk = tags.Chunk + 1;
        onAudio(tags.EndSeconds - tags.StartSeconds);
    }

    public void OnInterrupted(string note)
    {
        tally.OnInterrupted();
        lock (_lock)
        {
            _pace = null;
        }
    }

    public void OnNote(string note) => Note ??= note.Length > 0 ? note : null;

    public void OnDropped(long chunks)
    {
    }

    public void OnEvents(IReadOnlyCollection<Event> events)
    {
    }

    public void OnSummary(Summary summary)
    {
    }
}
