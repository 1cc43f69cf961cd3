using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cli.Clips;

/// <summary>The last minutes of a source by the times of day at which they were heard. Not thread-safe.</summary>
/// <param name="format">Of the audio.</param>
/// <param name="length">How much is held.</param>
internal sealed class AudioRing(AudioFormat format, TimeSpan length)
{
    private readonly Queue<(DateTimeOffset Begin, ReadOnlyMemory<byte> Audio)> _pieces = new();
    private DateTimeOffset _last; // begin

    public AudioFormat Format => format;

    /// <summary>Audio whose first sample was heard at a time.</summary>
    public void Add(DateTimeOffset begin, ReadOnlyMemory<byte> audio)
    {
        if (begin < _last)
        {
            _pieces.Clear(); // the clock was set back: what lies ahead of it would never grow old
        }
        _last = begin;
        _pieces.Enqueue((begin, audio));
        while (_pieces.Peek().Begin < begin - length)
        {
            _pieces.Dequeue();
        }
    }

    /// <summary>The audio of a span, silence where there is none.</summary>
    /// <param name="from">Its first sample.</param>
    /// <param name="to">Behind its last.</param>
    /// <param name="isKept">Whether audio of a time may be in it; else it is silence.</param>
    public byte[] Take(DateTimeOffset from, DateTimeOffset to, Func<DateTimeOffset, bool> isKept)
    {
        var frames = (int)Math.Max(0, (to - from).TotalSeconds * format.SampleRateHz);
        var clip = new byte[frames * format.BytesPerFrame];
        clip.AsSpan().Fill(format.SilentByte);
        foreach (var (begin, audio) in _pieces)
        {
            var at = (long)Math.Round((begin - from).TotalSeconds * format.SampleRateHz); // of its first frame, in the clip
            var (first, last) = (Math.Max(0, at), Math.Min(frames, at + audio.Length / format.BytesPerFrame));
            const int block = 160; // frames that are kept or not together: 10 ms at 16 kHz
            for (var frame = first; frame < last; frame += block)
            {
                var count = Math.Min(block, last - frame);
                if (isKept(from + TimeSpan.FromSeconds((frame + count / 2.0) / format.SampleRateHz)))
                {
                    audio.Span.Slice((int)(frame - at) * format.BytesPerFrame, (int)count * format.BytesPerFrame)
                        .CopyTo(clip.AsSpan((int)frame * format.BytesPerFrame));
                }
            }
        }
        return clip;
    }
}
