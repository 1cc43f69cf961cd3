namespace Dass.Grid.Engine.Features;

/// <summary>
/// Frames that wait for their step, oldest first, contiguous. Grows to what was once needed and then allocates no more. Not thread-safe.
/// </summary>
/// <param name="width">Values of one frame.</param>
internal sealed class FrameBuffer(int width)
{
    private float[] _values = new float[256 * width];
    private int _start;
    private int _end;

    /// <summary>Frames that wait.</summary>
    public int Count => (_end - _start) / width;

    /// <summary>All waiting frames, [Count, width] row-major. Valid until the next call of <see cref="Append"/>.</summary>
    public ReadOnlySpan<float> Frames => _values.AsSpan(_start, _end - _start);

    /// <summary>Room for new frames behind the last, [frames, width]; their values are undefined until the caller writes them.</summary>
    public Span<float> Append(int frames)
    {
        var length = frames * width;
        var used = _end - _start;
        if (_end + length > _values.Length)
        {
            // Moving pays only when it makes more room than it moves; otherwise small buffers would move at every push.
            var target = used + length <= _values.Length / 2 ? _values : new float[checked(2 * (used + length))];
            _values.AsSpan(_start, used).CopyTo(target);
            (_values, _start, _end) = (target, 0, used);
        }
        _end += length;
        return _values.AsSpan(_end - length, length);
    }

    /// <summary>Forgets the <paramref name="frames"/> oldest frames.</summary>
    public void Drop(int frames)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frames, Count);
        _start += frames * width;
    }
}
