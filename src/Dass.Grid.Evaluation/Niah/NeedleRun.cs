using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tags;

namespace Dass.Grid.Evaluation.Niah;

/// <summary>What a recording amounts to.</summary>
/// <param name="Scores">By method, in label order.</param>
/// <param name="Alarms">Labels that began to be heard away from the needle.</param>
/// <param name="SkippedSamples">Those that were not run because nothing new could come of them.</param>
internal sealed record Verdict(float[][] Scores, FalseAlarms Alarms, long SkippedSamples);

/// <summary>A recording that has been left where it stood; several can go on from there.</summary>
internal sealed record Paused(byte[] Session, NeedleTally Tally);

/// <summary>
/// A recording on its way through a stream. Recordings that begin alike share their beginning, and haystack that can bring nothing new is
/// skipped.
/// </summary>
/// <remarks>
/// A haystack that repeats itself (silence, a tiled recording) drives the model's state into a cycle, to the bit, sooner or later: of
/// the built-in model in silence after 5.7 hours, in babble later than that. When all that decides the session's scores (state,
/// waiting frames and samples, trailing window) is as it was some periods of the haystack before, those periods would give the same scores
/// again, for as long as the haystack lasts: they are counted, not run. The verdict is that of running everything, to the bit but for the
/// recording's mean, whose sums are rounded in double precision.
/// </remarks>
internal sealed class NeedleRun : IDisposable
{
    /// <summary>Samples on each side of the needle in which a label that is heard is no false alarm.</summary>
    public const int MarginSamples = 16_000;

    private const int SampleRateHz = 16_000;
    private const int LeastCycle = 16; // chunks; cycles that divide it are found with it

    private readonly StreamEngine _engine;
    private readonly StreamSession _session;
    private readonly NeedleTally _tally;
    private readonly int _chunkSamples;
    private readonly byte[] _piece;
    private readonly List<ChunkScores> _chunks = [];
    private Mark? _mark;

    /// <param name="engine">Runs it.</param>
    /// <param name="options">Chunk and look-ahead.</param>
    /// <param name="forgetAfter">Chunks after which the state begins anew; 0: never.</param>
    /// <param name="alarms">Fresh ones.</param>
    public NeedleRun(StreamEngine engine, StreamSessionOptions options, int forgetAfter, FalseAlarms alarms)
        : this(
            engine,
            engine.Open(new AudioFormat(SampleEncoding.Float32, SampleRateHz, 1), options),
            new NeedleTally(
                forgetAfter, new Aggregates(engine.Model.Labels.Count, engine.Model.Config.Window.TotalSeconds), alarms,
                new double[engine.Model.Config.Dims[^1]]))
    {
    }

    private NeedleRun(StreamEngine engine, StreamSession session, NeedleTally tally)
    {
        (_engine, _session, _tally) = (engine, session, tally);
        _session.ForgetAfter = tally.ForgetAfter;
        _chunkSamples = ChunkSamples(session.Options);
        _piece = new byte[_chunkSamples * sizeof(float)];
    }

    /// <summary>Samples that are behind it, run or skipped.</summary>
    private long Place => _session.AppliedSamples + _tally.SkippedChunks * _chunkSamples;

    /// <summary>Samples of the recording whose chunks have been tagged or skipped.</summary>
    private long Tagged => (_session.Pool.Chunks + _tally.SkippedChunks) * _chunkSamples;

    public static int ChunkSamples(StreamSessionOptions options) => (int)(options.Chunk.Ticks * SampleRateHz / TimeSpan.TicksPerSecond);

    /// <summary>Goes on with what <see cref="Pause"/> left.</summary>
    public static NeedleRun Resume(StreamEngine engine, Paused paused) =>
        new(engine, engine.Restore(paused.Session), paused.Tally.Copy());

    public Paused Pause()
    {
        var session = new ArrayBufferWriter<byte>();
        _session.Save(session);
        return new Paused(session.WrittenSpan.ToArray(), _tally.Copy());
    }

    /// <summary>Runs on.</summary>
    /// <param name="audio">The same up to here as what has been run.</param>
    /// <param name="until">Place where it stops, from the recording's begin, in samples.</param>
    /// <param name="moved">Called with samples that have been put behind.</param>
    /// <param name="cancellationToken">Stops it; then it can only be disposed.</param>
    public async Task AdvanceAsync(Haystack audio, long until, Action<long> moved, CancellationToken cancellationToken)
    {
        for (var from = Place; from < until; from = Place)
        {
            SkipRepetitions(audio, until);
            // No further than the next place to look for a cycle.
            var piece = (int)Math.Min(until - Place, _chunkSamples - Place % _chunkSamples);
            audio.Read(Place, MemoryMarshal.Cast<byte, float>(_piece.AsSpan())[..piece]);
            await _session.PushAsync(_piece.AsMemory(0, piece * sizeof(float)), _chunks, cancellationToken).ConfigureAwait(false);
            TakeIn(audio);
            moved(Place - from);
        }
    }

    /// <summary>Ends the recording, of which everything has been run or skipped.</summary>
    public async Task<Verdict> FinishAsync(Haystack audio, CancellationToken cancellationToken)
    {
        await _session.CompleteAsync(_chunks, cancellationToken).ConfigureAwait(false);
        TakeIn(audio);
        var summary = _session.Summary();
        return new Verdict(
            _tally.Aggregates.Finish(_tally.SkippedChunks == 0 ? summary : summary with { Mean = Mean() }),
            _tally.Alarms,
            _tally.SkippedChunks * _chunkSamples);
    }

    public void Dispose() => _session.Dispose();

    private void TakeIn(Haystack audio)
    {
        foreach (var chunk in _chunks)
        {
            var begin = (chunk.Index + _tally.SkippedChunks) * _chunkSamples;
            _tally.Aggregates.Add(chunk);
            _tally.Alarms.Add(chunk, outside: begin + _chunkSamples <= audio.Begin - MarginSamples || begin >= audio.End + MarginSamples);
        }
        _chunks.Clear();
    }

    private void SkipRepetitions(Haystack audio, long until)
    {
        var outside = until <= audio.Begin || Tagged >= audio.End + MarginSamples; // from the next chunk on
        if (!outside || audio.Period is not { } period || Place % _chunkSamples != 0 || _session.Options.Offline)
        {
            return;
        }
        var (cycle, chunk) = (Cycle(period), Place / _chunkSamples);
        if (_mark is not null && chunk < _mark.Chunk + cycle)
        {
            return;
        }
        var memory = Memory();
        if (_mark is not null
            && (until - 1 - Place) / (cycle * _chunkSamples) is > 0 and var times
            && _tally.Alarms.HasSameOn(_mark.Tally.Alarms)
            && memory.WrittenSpan.SequenceEqual(_mark.Memory.WrittenSpan))
        {
            _tally.Repeat(_mark.Tally, times);
            for (var i = 0; i < _mark.Total.Length; i++)
            {
                _tally.SkippedSum[i] += times * (_session.Pool.Total[i] - _mark.Total[i]);
            }
            _tally.SkippedChunks += times * cycle;
        }
        _mark = new Mark(Place / _chunkSamples, memory, _session.Pool.Total.ToArray(), _tally.Copy());
    }

    /// <summary>Chunks after which haystack, chunks and forgetting are in the same phase again.</summary>
    private long Cycle(long period)
    {
        var cycle = period / (long)BigInteger.GreatestCommonDivisor(period, _chunkSamples);
        if (_tally.ForgetAfter > 0)
        {
            cycle *= _tally.ForgetAfter / (long)BigInteger.GreatestCommonDivisor(cycle, _tally.ForgetAfter);
        }
        return cycle * ((LeastCycle + cycle - 1) / cycle);
    }

    /// <summary>All that decides the session's scores of audio to come.</summary>
    private ArrayBufferWriter<float> Memory()
    {
        var memory = new ArrayBufferWriter<float>();
        _session.Slot.Read(memory.GetSpan(_session.Slot.Length)[.._session.Slot.Length]);
        memory.Advance(_session.Slot.Length);
        memory.Write(_session.Frames.Frames);
        memory.Write(_session.LogMel.Carried);
        _session.Pool.CopyWindow(memory);
        return memory;
    }

    /// <summary>Scores over everything, the skipped chunks among it.</summary>
    private float[] Mean()
    {
        var (pool, config) = (_session.Pool, _engine.Model.Config);
        var chunkColumns = DassConfig.ColumnsOf(_chunkSamples / FrameRate.HopSamples);
        var tokens = (double)(pool.Columns + _tally.SkippedChunks * chunkColumns) * config.Rows(DassConfig.Stages - 1);
        float[] mean = [.. _tally.SkippedSum.Select((sum, i) => (float)((pool.Total[i] + sum) / tokens))];
        var scores = new float[config.LabelCount];
        _engine.Head.Score(mean, scores);
        return scores;
    }

    private sealed record Mark(long Chunk, ArrayBufferWriter<float> Memory, double[] Total, NeedleTally Tally);
}

/// <summary>What a recording has amounted to so far.</summary>
/// <param name="ForgetAfter">Chunks after which the state begins anew; 0: never.</param>
/// <param name="Aggregates">Of all chunks.</param>
/// <param name="Alarms">Of all chunks.</param>
/// <param name="SkippedSum">Sum of the tokens of skipped chunks, [D].</param>
internal sealed record NeedleTally(int ForgetAfter, Aggregates Aggregates, FalseAlarms Alarms, double[] SkippedSum)
{
    public long SkippedChunks { get; set; }

    public NeedleTally Copy() =>
        new(ForgetAfter, Aggregates.Copy(), Alarms.Copy(), [.. SkippedSum]) { SkippedChunks = SkippedChunks };

    /// <summary>As if what has come since then had come <paramref name="times"/> times more.</summary>
    public void Repeat(NeedleTally since, long times)
    {
        Aggregates.Repeat(since.Aggregates, times);
        Alarms.Repeat(since.Alarms, times);
    }
}
