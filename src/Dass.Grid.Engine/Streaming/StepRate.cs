using System.Numerics;

namespace Dass.Grid.Engine.Streaming;

/// <summary>How many streams a device carries in real time, measured from its own steps. Thread-safe.</summary>
/// <remarks>
/// A second of batches commits so many seconds of audio: that many streams. Larger batches carry more, and a device that has little to do
/// runs small ones; so each size is measured for itself, and the best counts: that is what the device would do under load. What was
/// measured fades with the batches of the same size that follow, since neighbours on the machine come and go.
/// </remarks>
/// <param name="threads">That run batches at the same time.</param>
internal sealed class StepRate(int threads)
{
    private const double MemorySeconds = 30; // of batches of one size

    private readonly (double Audio, double Busy)[] _sizes = new (double, double)[32]; // s, by the logarithm of the batch's size
    private readonly Lock _gate = new();
    private double _streams;

    /// <summary>0: nothing has been measured yet.</summary>
    public double Streams => Volatile.Read(ref _streams);

    /// <param name="size">Streams of the batch.</param>
    /// <param name="audioSeconds">That all of them together have committed.</param>
    /// <param name="busySeconds">From the batch's beginning to its end.</param>
    public void Add(int size, double audioSeconds, double busySeconds)
    {
        lock (_gate)
        {
            ref var measured = ref _sizes[BitOperations.Log2((uint)size)];
            var kept = Math.Exp(-busySeconds / MemorySeconds);
            measured = (measured.Audio * kept + audioSeconds, measured.Busy * kept + busySeconds);
            var best = 0.0;
            foreach (var (audio, busy) in _sizes)
            {
                best = busy > 0 ? Math.Max(best, audio / busy) : best;
            }
            Volatile.Write(ref _streams, threads * best);
        }
    }
}
