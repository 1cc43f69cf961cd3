using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Dass.Grid.Engine.Audio;

/// <summary>
/// Any rate to 16 kHz with zero phase: output sample n is the input at time n / 16,000 s. The output depends on the input alone, to the
/// bit, however it is cut: every output is one dot product of fixed length. Positions are integers, so days of audio lose no precision.
/// </summary>
internal sealed class Resampler
{
    private const int BlockSamples = 4096;

    private readonly ResamplerTable _table;
    private readonly float[] _window; // the input that outputs still need, oldest first
    private int _count;
    private int _next; // place in _window of the input sample at or before the next output …
    private int _phase; // … and how far behind it the output lies, in 1 / Phases

    /// <param name="inputRateHz">A valid rate other than 16 kHz, which needs no resampler.</param>
    public Resampler(int inputRateHz)
    {
        _table = ResamplerTable.For(inputRateHz);
        _window = new float[BlockSamples + _table.Taps + _table.Advance];
        _count = _table.Half - 1; // silence before the first sample
        _next = _table.Half - 1;
    }

    /// <summary>Takes in samples and writes every output that they complete.</summary>
    public void Push(ReadOnlySpan<float> input, IBufferWriter<float> output)
    {
        while (!input.IsEmpty)
        {
            var block = input[..Math.Min(input.Length, _window.Length - _count)];
            block.CopyTo(_window.AsSpan(_count));
            _count += block.Length;
            input = input[block.Length..];
            Emit(output, int.MaxValue);
        }
    }

    /// <summary>
    /// Writes the outputs that waited for samples after the end: ⌈input samples · 16,000 / rate⌉ in all. The resampler cannot be used
    /// afterwards.
    /// </summary>
    public void Flush(IBufferWriter<float> output)
    {
        // Outputs at or after the end of the input are not written.
        var left = _count - _next;
        var due = (int)(((long)left * _table.Phases - _phase + _table.Advance - 1) / _table.Advance);
        Span<float> silence = stackalloc float[256];
        silence.Clear();
        for (var rest = _table.Half; rest > 0 && due > 0; rest -= silence.Length)
        {
            var block = silence[..Math.Min(rest, silence.Length)];
            block.CopyTo(_window.AsSpan(_count));
            _count += block.Length;
            due -= Emit(output, due);
        }
    }

    /// <summary>What must be kept to go on later: the window, and where in it the next output lies.</summary>
    public (float[] Window, int Next, int Phase) Save() => (_window[.._count], _next, _phase);

    /// <returns>False: these values cannot come from <see cref="Save"/>; nothing has changed.</returns>
    public bool TryRestore(ReadOnlySpan<float> window, int next, int phase)
    {
        if (window.Length > _window.Length
            || next < _table.Half - 1 || next > window.Length + _table.Advance
            || phase < 0 || phase >= _table.Phases)
        {
            return false;
        }
        window.CopyTo(_window);
        (_count, _next, _phase) = (window.Length, next, phase);
        return true;
    }

    private int Emit(IBufferWriter<float> output, int atMost)
    {
        var written = 0;
        while (_next + _table.Half < _count && written < atMost)
        {
            var room = output.GetSpan(1);
            var i = 0;
            for (; i < room.Length && _next + _table.Half < _count && written < atMost; i++, written++)
            {
                room[i] = Output(_window.AsSpan(_next - _table.Half + 1, _table.Taps));
                _phase += _table.Advance;
                _next += _phase / _table.Phases;
                _phase %= _table.Phases;
            }
            output.Advance(i);
        }

        // After a large advance the next output may lie beyond what is here: then nothing is dropped but what is before it.
        var drop = Math.Min(_next - _table.Half + 1, _count);
        _window.AsSpan(drop, _count - drop).CopyTo(_window);
        _count -= drop;
        _next -= drop;
        return written;
    }

    private float Output(ReadOnlySpan<float> input)
    {
        if (_table.Rows == _table.Phases)
        {
            return Dot(_table.Row(_phase), input);
        }
        var place = (double)_phase * _table.Rows / _table.Phases;
        var row = (int)place;
        float low = Dot(_table.Row(row), input), high = Dot(_table.Row(row + 1), input);
        return low + (float)(place - row) * (high - low);
    }

    /// <summary>
    /// Lengths are multiples of 16. The order of additions is fixed, so equal input gives equal bits wherever it lies in memory.
    /// </summary>
    private static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ref readonly var x = ref MemoryMarshal.GetReference(a);
        ref readonly var y = ref MemoryMarshal.GetReference(b);
        var (even, odd) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (nuint i = 0; i < (nuint)a.Length; i += 16)
        {
            even += Vector256.LoadUnsafe(in x, i) * Vector256.LoadUnsafe(in y, i);
            odd += Vector256.LoadUnsafe(in x, i + 8) * Vector256.LoadUnsafe(in y, i + 8);
        }
        return Vector256.Sum(even + odd);
    }
}
