using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Streaming;
using Dass.Grid.Engine.Tests.Features;

namespace Dass.Grid.Engine.Tests.Streaming;

/// <summary>The tiny golden checkpoint.</summary>
internal static class TinyModel
{
    public static DassModel Instance { get; } = DassModel.Load(Fixtures.Path("golden/tiny"));
}

/// <summary>A network whose steps wait for the test, and that records what it was given.</summary>
internal sealed class GatedModel : IStepModel
{
    private readonly SemaphoreSlim _entered = new(0);
    private readonly SemaphoreSlim _allowed = new(0);
    private readonly Lock _gate = new();
    private readonly List<(int Frames, int Slots)> _batches = [];

    public DassModel Model => TinyModel.Instance;

    public StateLayout StateLayout { get; } = new(TinyModel.Instance.Config);

    public List<Thread> Threads { get; } = [];

    /// <summary>Frames and number of streams of every batch that has begun.</summary>
    public (int Frames, int Slots)[] Batches
    {
        get
        {
            lock (_gate)
            {
                return [.. _batches];
            }
        }
    }

    public bool Fails { get; set; }

    /// <summary>Waits until a batch has begun that no earlier call waited for.</summary>
    public Task Entered() => _entered.WaitAsync();

    public void Allow(int batches = 1) => _allowed.Release(batches);

    public void Step(ReadOnlySpan<StepRequest> batch)
    {
        lock (_gate)
        {
            _batches.Add((batch[0].Frames, batch.Length));
            Threads.Add(Thread.CurrentThread);
        }
        _entered.Release();
        _allowed.Wait();
        if (Fails)
        {
            throw new InvalidDataException("broken on purpose");
        }
        foreach (var step in batch)
        {
            step.ColumnSums.Fill(1);
            step.Slot.CommittedFrames += step.Committed;
        }
    }

    public void Dispose()
    {
    }
}

/// <summary>A step that counts its outcomes.</summary>
internal sealed class CountingStep(StateSlot slot, StepShare? share = null) : QueuedStep(slot, TinyModel.Instance.Config, share)
{
    public int Stepped { get; private set; }

    public Thread? SteppedOn { get; private set; }

    public Exception? Failure { get; set; }

    protected internal override void OnStepped()
    {
        Stepped++;
        SteppedOn = Thread.CurrentThread;
        if (Failure is not null)
        {
            throw Failure;
        }
    }
}
