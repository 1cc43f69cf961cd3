using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Features;

/// <summary>What all streams of a model share of the filter bank. Immutable.</summary>
internal sealed class LogMelTables(DassConfig config)
{
    public MelFilters Filters { get; } = new(config.MelBins);

    public float Mean { get; } = config.FeatureMean;

    /// <summary>Normalisation divides by twice the standard deviation.</summary>
    public float Scale { get; } = 1 / (2 * config.FeatureStd);
}

/// <summary>
/// Kaldi's log-mel filter bank, streaming: 25 ms frames every 10 ms, only whole frames; per frame the mean removed, pre-emphasis 0.97, Hann
/// window, 512-point power spectrum, mel filters, natural logarithm; then the model's normalisation.
/// </summary>
/// <remarks>
/// A frame depends on its own 400 samples alone, so the frames do not depend on how the audio is cut. It costs as much to compute
/// <see cref="RealFft512.Lanes"/> frames as one. Not thread-safe.
/// </remarks>
internal sealed class LogMel(LogMelTables tables)
{
    /// <summary>Samples of one frame.</summary>
    public const int FrameSamples = 400;

    private const int BlockSamples = 4096;
    private const double PreEmphasis = 0.97;
    private const float EnergyFloor = 1.1920929e-7f;

    // Float input may be any finite value. Beyond this (PCM16 without scaling) it is limited, so that no energy overflows.
    private const float SampleLimit = 32_768;

    /// <summary>Begins with 0: a frame's first sample, which has none before it, does not count.</summary>
    private static readonly double[] Window =
        [.. Enumerable.Range(0, FrameSamples).Select(i => 0.5 - 0.5 * Math.Cos(2 * Math.PI * i / (FrameSamples - 1)))];

    // Of a thread, not of a stream: thousands of streams share a few cores.
    [ThreadStatic]
    private static Scratch? _scratch;

    private readonly float[] _samples = new float[BlockSamples];
    private int _count; // samples that the next frame begins with

    /// <summary>Samples from the next frame's begin on: all that <see cref="Push"/> keeps.</summary>
    public ReadOnlySpan<float> Carried => _samples.AsSpan(0, _count);

    /// <summary>Whole frames that <see cref="Push"/> has left for <see cref="Complete"/>.</summary>
    public int Waiting => FramesOf(_count);

    /// <summary>
    /// Takes in mono samples at 16 kHz, full scale ±1, and appends the frames that they complete, but for the last one to three if they
    /// can wait for others.
    /// </summary>
    public void Push(ReadOnlySpan<float> samples, FrameBuffer frames)
    {
        while (!samples.IsEmpty)
        {
            var taken = Math.Min(samples.Length, BlockSamples - _count);
            TensorPrimitives.Clamp(samples[..taken], -SampleLimit, SampleLimit, _samples.AsSpan(_count));
            samples = samples[taken..];
            _count += taken;
            TakeFrames(Waiting / RealFft512.Lanes * RealFft512.Lanes, frames);
        }
    }

    /// <summary>Appends the frames that wait.</summary>
    public void Complete(FrameBuffer frames) => TakeFrames(Waiting, frames);

    /// <summary>Continues where a filter bank with <paramref name="carried"/> as its <see cref="Carried"/> was, and none waiting.</summary>
    public void Restore(ReadOnlySpan<float> carried)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(carried.Length, FrameSamples);
        carried.CopyTo(_samples);
        _count = carried.Length;
    }

    /// <summary>Whole frames over <paramref name="samples"/> samples.</summary>
    private static int FramesOf(int samples) => samples < FrameSamples ? 0 : 1 + (samples - FrameSamples) / FrameRate.HopSamples;

    private void TakeFrames(int count, FrameBuffer frames)
    {
        if (count == 0)
        {
            return;
        }
        var bins = tables.Filters.Count;
        var to = frames.Append(count);
        var scratch = _scratch ??= new Scratch();
        for (int i = 0, together; i < count; i += together)
        {
            together = Math.Min(RealFft512.Lanes, count - i);
            var samples = _samples.AsSpan(i * FrameRate.HopSamples, FrameSamples + (together - 1) * FrameRate.HopSamples);
            scratch.Take(samples, tables, to.Slice(i * bins, together * bins));
        }
        var used = count * FrameRate.HopSamples;
        _samples.AsSpan(used, _count - used).CopyTo(_samples);
        _count -= used;
    }

    private sealed class Scratch
    {
        private const int Block = FrameRate.HopSamples / 2; // frames begin and end with one
        private const int MostSamples = FrameSamples + (RealFft512.Lanes - 1) * FrameRate.HopSamples;

        private readonly RealFft512 _fft = new();
        private readonly Vector256<double>[] _power = new Vector256<double>[RealFft512.Bins];
        private readonly double[] _emphasized = new double[MostSamples];
        private readonly double[] _sums = new double[MostSamples / Block]; // of each block's samples
        private float[] _energies = []; // [filters, lanes]

        /// <param name="samples">The frames' samples, each a hop after the one before.</param>
        /// <param name="tables">Of the model.</param>
        /// <param name="mel">Receives one to <see cref="RealFft512.Lanes"/> frames.</param>
        public void Take(ReadOnlySpan<float> samples, LogMelTables tables, Span<float> mel)
        {
            var filters = tables.Filters.Count;
            if (_energies.Length != filters * RealFft512.Lanes)
            {
                _energies = new float[filters * RealFft512.Lanes];
            }
            Emphasize(samples);
            WindowFrames(mel.Length / filters);
            _fft.Power(_power);
            tables.Filters.Apply(_power, _energies);
            TensorPrimitives.Max(_energies, EnergyFloor, _energies);
            TensorPrimitives.Log(_energies, _energies);
            TensorPrimitives.Subtract(_energies, tables.Mean, _energies);
            TensorPrimitives.Multiply(_energies, tables.Scale, _energies);
            for (var frame = 0; frame * filters < mel.Length; frame++)
            {
                var to = mel.Slice(frame * filters, filters);
                for (var filter = 0; filter < to.Length; filter++)
                {
                    to[filter] = _energies[filter * RealFft512.Lanes + frame];
                }
            }
        }

        /// <summary>Pre-emphasis and sums, of which frames that overlap share most.</summary>
        private void Emphasize(ReadOnlySpan<float> samples)
        {
            _emphasized[0] = 0;
            ref var from = ref MemoryMarshal.GetReference(samples);
            ref var to = ref _emphasized[0];
            for (var block = 0; block < samples.Length / Block; block++)
            {
                var sum = Vector256<double>.Zero;
                for (var i = block * Block; i < (block + 1) * Block; i += Vector256<double>.Count)
                {
                    var values = Widen(ref Unsafe.Add(ref from, i));
                    sum += values;
                    if (i > 0)
                    {
                        (values - PreEmphasis * Widen(ref Unsafe.Add(ref from, i - 1))).StoreUnsafe(ref Unsafe.Add(ref to, i));
                    }
                }
                _sums[block] = Vector256.Sum(sum);
            }
            for (var i = 1; i < Vector256<double>.Count; i++)
            {
                _emphasized[i] = samples[i] - PreEmphasis * samples[i - 1];
            }
        }

        /// <summary>Each frame without its mean and with its window, in a lane of its own.</summary>
        private void WindowFrames(int count)
        {
            Span<double> offsets = stackalloc double[RealFft512.Lanes];
            for (var frame = 0; frame < count; frame++)
            {
                var sum = 0.0;
                foreach (var block in _sums.AsSpan(frame * FrameRate.HopSamples / Block, FrameSamples / Block))
                {
                    sum += block;
                }
                offsets[frame] = (1 - PreEmphasis) * (sum / FrameSamples);
            }
            var input = _fft.Input;
            if (Avx.IsSupported)
            {
                // Lanes without a frame of their own repeat the first.
                int hop1 = count > 1 ? FrameRate.HopSamples : 0, hop2 = count > 2 ? 2 * FrameRate.HopSamples : 0;
                var hop3 = count > 3 ? 3 * FrameRate.HopSamples : 0;
                Vector256<double> offset0 = Vector256.Create(offsets[0]), offset1 = Vector256.Create(offsets[1]);
                Vector256<double> offset2 = Vector256.Create(offsets[2]), offset3 = Vector256.Create(offsets[3]);
                ref var emphasized = ref _emphasized[0];
                ref var window = ref Window[0];
                ref var to = ref MemoryMarshal.GetReference(input);
                for (var i = 0; i < FrameSamples; i += Vector256<double>.Count)
                {
                    ref var at = ref Unsafe.Add(ref emphasized, i);
                    var factor = Vector256.LoadUnsafe(ref Unsafe.Add(ref window, i));
                    var row0 = (Vector256.LoadUnsafe(ref at) - offset0) * factor;
                    var row1 = (Vector256.LoadUnsafe(ref Unsafe.Add(ref at, hop1)) - offset1) * factor;
                    var row2 = (Vector256.LoadUnsafe(ref Unsafe.Add(ref at, hop2)) - offset2) * factor;
                    var row3 = (Vector256.LoadUnsafe(ref Unsafe.Add(ref at, hop3)) - offset3) * factor;
                    Vector256<double> low01 = Avx.UnpackLow(row0, row1), high01 = Avx.UnpackHigh(row0, row1);
                    Vector256<double> low23 = Avx.UnpackLow(row2, row3), high23 = Avx.UnpackHigh(row2, row3);
                    ref var lanes = ref Unsafe.Add(ref to, i * RealFft512.Lanes);
                    Avx.Permute2x128(low01, low23, 0x20).StoreUnsafe(ref lanes);
                    Avx.Permute2x128(high01, high23, 0x20).StoreUnsafe(ref Unsafe.Add(ref lanes, RealFft512.Lanes));
                    Avx.Permute2x128(low01, low23, 0x31).StoreUnsafe(ref Unsafe.Add(ref lanes, 2 * RealFft512.Lanes));
                    Avx.Permute2x128(high01, high23, 0x31).StoreUnsafe(ref Unsafe.Add(ref lanes, 3 * RealFft512.Lanes));
                }
            }
            else
            {
                for (var i = 0; i < FrameSamples * RealFft512.Lanes; i++)
                {
                    var (sample, lane) = (i / RealFft512.Lanes, i % RealFft512.Lanes < count ? i % RealFft512.Lanes : 0);
                    input[i] = (_emphasized[lane * FrameRate.HopSamples + sample] - offsets[lane]) * Window[sample];
                }
            }
            input[(FrameSamples * RealFft512.Lanes)..].Clear();
        }

        private static Vector256<double> Widen(ref float from) =>
            Vector256.WidenLower(Vector128.LoadUnsafe(ref from).ToVector256Unsafe());
    }
}
