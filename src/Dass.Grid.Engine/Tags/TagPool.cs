using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tags;

/// <summary>
/// A stream's token sums. The head is linear, so the scores over any span are the head on the mean of the span's tokens: over a chunk, over
/// the trailing window, over everything. Its size does not grow with the stream. Not thread-safe.
/// </summary>
internal sealed class TagPool
{
    private readonly TagHead _head;
    private readonly int _channels;
    private readonly int _rows;
    private readonly int _labels;
    private readonly int _windowColumns;
    private readonly float[] _window; // ring of the last columns, [windowColumns, D]; column i of the stream at i modulo windowColumns
    private readonly double[] _total;
    private readonly double[] _sum;
    private readonly float[] _mean;
    private readonly float[] _windowMean;
    private readonly float[] _scores;
    private readonly float[] _max;
    private long _columns;

    public TagPool(DassConfig config, TagHead head)
    {
        _head = head;
        _channels = config.Dims[^1];
        _rows = config.Rows(DassConfig.Stages - 1);
        _labels = config.LabelCount;
        _windowColumns = DassConfig.ColumnsOf(config.WindowFrames);
        _window = new float[_windowColumns * _channels];
        _total = new double[_channels];
        _sum = new double[_channels];
        _mean = new float[_channels];
        _windowMean = new float[_channels];
        _scores = new float[_labels];
        _max = new float[_labels];
    }

    /// <summary>Chunks that have been added.</summary>
    public long Chunks { get; private set; }

    /// <summary>Frames that have been added.</summary>
    public long Frames { get; private set; }

    /// <summary>Columns that have been added; each has as many tokens as the last stage has rows.</summary>
    public long Columns => _columns;

    /// <summary>Sum of all tokens, [D].</summary>
    public ReadOnlySpan<double> Total => _total;

    /// <summary>Columns of the trailing window, oldest first, [columns, D]: all that scores of audio to come need of this pool.</summary>
    public void CopyWindow(IBufferWriter<float> to)
    {
        for (var column = Math.Max(0, _columns - _windowColumns); column < _columns; column++)
        {
            to.Write(WindowColumn(column));
        }
    }

    /// <summary>Adds what a step has committed.</summary>
    /// <param name="columnSums">Sum over the rows of each column of tokens, [columns, D].</param>
    /// <param name="frames">Frames under them.</param>
    /// <param name="endSeconds">End of the chunk in stream time.</param>
    public ChunkScores Add(ReadOnlySpan<float> columnSums, int frames, double endSeconds)
    {
        var columns = columnSums.Length / _channels;
        if (_columns < _windowColumns)
        {
            Array.Clear(_max); // the score of a part of a window is no maximum over windows: short spans raise more false alarms
        }
        Array.Clear(_sum);
        for (var column = 0; column < columns; column++)
        {
            var values = columnSums.Slice(column * _channels, _channels);
            values.CopyTo(WindowColumn(_columns++));
            Accumulate(values, _sum);
            Accumulate(values, _total);
        }
        Average(_sum, columns, _mean);
        SumTrailingWindow(_sum);
        Average(_sum, Math.Min(_columns, _windowColumns), _windowMean);
        var (scores, windowScores) = (new float[_labels], new float[_labels]);
        _head.Score(_mean, scores, _windowMean, windowScores);
        RaiseMax(windowScores);

        // A chunk longer than the window holds several: the maximum must not miss the early ones.
        for (var end = _windowColumns; end < columns; end += _windowColumns)
        {
            ScoreWindow(columnSums.Slice((end - _windowColumns) * _channels, _windowColumns * _channels));
        }

        var start = Frames * FrameRate.HopSeconds;
        Frames += frames;
        return new ChunkScores(Chunks++, start, endSeconds, scores, windowScores);
    }

    /// <summary>Scores over everything so far.</summary>
    /// <param name="durationSeconds">Audio that has been tagged.</param>
    public StreamSummary Summary(double durationSeconds)
    {
        if (Chunks == 0)
        {
            return new StreamSummary(0, 0, [], []);
        }
        var mean = new float[_labels];
        Score(_total, _columns, mean);
        return new StreamSummary(durationSeconds, Chunks, mean, [.. _max]);
    }

    public void Save(SnapshotWriter to)
    {
        to.Write(Chunks);
        to.Write(Frames);
        to.Write(_columns);
        to.WriteAll<float>(_window);
        to.WriteAll<double>(_total);
        to.WriteAll<float>(_max);
    }

    public void Restore(ref SnapshotReader from)
    {
        Chunks = from.Read<long>("chunks");
        Frames = from.Read<long>("tagged frames");
        _columns = from.Read<long>("columns");
        from.ReadAll<float>("window", _window);
        from.ReadAll<double>("token sums", _total);
        from.ReadAll<float>("maxima", _max);
        SnapshotReader.Check(
            Chunks >= 0 && Frames >= Chunks && _columns >= Chunks && _columns <= Frames, "tag counters", $"{Chunks}, {Frames}, {_columns}");
    }

    // Summed anew for every chunk, oldest column first: no drift, and equal to the bit after a restore.
    private void SumTrailingWindow(double[] sum)
    {
        Array.Clear(sum);
        for (var column = Math.Max(0, _columns - _windowColumns); column < _columns; column++)
        {
            Accumulate(WindowColumn(column), sum);
        }
    }

    private void ScoreWindow(ReadOnlySpan<float> columns)
    {
        Array.Clear(_sum);
        for (var at = 0; at < columns.Length; at += _channels)
        {
            Accumulate(columns.Slice(at, _channels), _sum);
        }
        Score(_sum, _windowColumns, _scores);
        RaiseMax(_scores);
    }

    private void Score(ReadOnlySpan<double> sum, long columns, Span<float> scores)
    {
        Average(sum, columns, _mean);
        _head.Score(_mean, scores);
    }

    private void Average(ReadOnlySpan<double> sum, long columns, Span<float> mean)
    {
        var tokens = (double)columns * _rows;
        for (var i = 0; i < mean.Length; i++)
        {
            mean[i] = (float)(sum[i] / tokens);
        }
    }

    private void RaiseMax(ReadOnlySpan<float> scores)
    {
        TensorPrimitives.Max(_max, scores, _max);
    }

    private static void Accumulate(ReadOnlySpan<float> values, Span<double> sum)
    {
        ref readonly var from = ref MemoryMarshal.GetReference(values);
        ref var to = ref MemoryMarshal.GetReference(sum[..values.Length]);
        var i = 0;
        for (; i <= values.Length - 8; i += 8)
        {
            var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(in from, (nuint)i));
            (Vector256.LoadUnsafe(ref to, (nuint)i) + low).StoreUnsafe(ref to, (nuint)i);
            (Vector256.LoadUnsafe(ref to, (nuint)i + 4) + high).StoreUnsafe(ref to, (nuint)i + 4);
        }
        for (; i < values.Length; i++)
        {
            sum[i] += values[i];
        }
    }

    private Span<float> WindowColumn(long column) => _window.AsSpan((int)(column % _windowColumns) * _channels, _channels);
}
