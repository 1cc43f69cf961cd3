namespace Dass.Grid.Evaluation.Niah;

/// <summary>What surrounds a needle: endless 16 kHz mono samples that depend on their place alone, in bounded memory.</summary>
internal abstract class HaystackNoise
{
    /// <summary>Digital silence.</summary>
    public static HaystackNoise Silence { get; } = new Nothing();

    /// <summary>Level of the samples as they are read; 0 for silence.</summary>
    public abstract double Rms { get; }

    /// <summary>Samples after which it repeats itself; null: never.</summary>
    public abstract long? Period { get; }

    /// <summary>White Gaussian noise of unit level that never repeats; the same for the same seed.</summary>
    public static HaystackNoise WhiteNoise(int seed) => new Noise(seed);

    /// <summary>A recording, again and again.</summary>
    /// <exception cref="ArgumentException">It is empty or silent: it can be given no level.</exception>
    public static HaystackNoise Tiled(float[] recording) => new Tiles(recording);

    /// <param name="from">Place of the first sample, 0 or more.</param>
    /// <param name="to">Receives the samples from there on.</param>
    public abstract void Read(long from, Span<float> to);

    private sealed class Nothing : HaystackNoise
    {
        public override double Rms => 0;

        public override long? Period => 1;

        public override void Read(long from, Span<float> to) => to.Clear();
    }

    private sealed class Tiles(float[] recording) : HaystackNoise
    {
        public override double Rms { get; } = Haystack.Rms(recording) is > 0 and var level
            ? level
            : throw new ArgumentException(
                $"The haystack's recording ({recording.Length} samples) is silent; it must have a level.", nameof(recording));

        public override long? Period => recording.Length;

        public override void Read(long from, Span<float> to)
        {
            for (var at = (int)(from % recording.Length); !to.IsEmpty; at = 0)
            {
                var part = recording.AsSpan(at, Math.Min(to.Length, recording.Length - at));
                part.CopyTo(to);
                to = to[part.Length..];
            }
        }
    }

    /// <summary>Two Gaussian samples (Box and Muller) from each number of a counter's hash (SplitMix64).</summary>
    private sealed class Noise(int seed) : HaystackNoise
    {
        private const ulong Increment = 0x9E3779B97F4A7C15;

        // Seeds lie as far apart as hashes do: the streams of neighbouring seeds do not overlap in any length that is heard.
        private readonly ulong _start = Hash((ulong)(uint)seed * Increment + Increment);

        public override double Rms => 1;

        public override long? Period => null;

        public override void Read(long from, Span<float> to)
        {
            Span<float> pair = stackalloc float[2];
            while (!to.IsEmpty)
            {
                Pair((ulong)(from >> 1), pair);
                var part = pair[(int)(from & 1)..];
                part = part[..Math.Min(part.Length, to.Length)];
                part.CopyTo(to);
                from += part.Length;
                to = to[part.Length..];
            }
        }

        private void Pair(ulong counter, Span<float> pair)
        {
            var hash = Hash(_start + counter * Increment);
            var radius = MathF.Sqrt(-2 * MathF.Log(((uint)hash + 1f) / (uint.MaxValue + 1f))); // of (0, 1]: no logarithm of zero
            var (sin, cos) = MathF.SinCos(2 * MathF.PI * ((hash >> 32) / (uint.MaxValue + 1f)));
            (pair[0], pair[1]) = (radius * cos, radius * sin);
        }

        private static ulong Hash(ulong x)
        {
            x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
            x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
            return x ^ (x >> 31);
        }
    }
}
