using Dass.Grid.Engine.Model;

namespace Dass.Grid.Benchmarks;

/// <summary>A network whose steps cost nothing, with tokens that differ from step to step: what is left is what the host does.</summary>
internal sealed class FreeModel : IStepModel
{
    private readonly float[] _tokens = Tokens();

    public FreeModel(DassModel model)
    {
        Model = model;
        StateLayout = new StateLayout(model.Config);
    }

    public DassModel Model { get; }

    public StateLayout StateLayout { get; }

    public DeviceInfo DeviceInfo { get; } = new("none", 0);

    public void Step(ReadOnlySpan<StepRequest> batch)
    {
        foreach (var step in batch)
        {
            var from = (step.Slot.Index * 7919 + (int)step.Slot.CommittedFrames * 31) % (_tokens.Length - step.ColumnSums.Length);
            _tokens.AsSpan(from, step.ColumnSums.Length).CopyTo(step.ColumnSums);
            step.Slot.CommittedFrames += step.Committed;
        }
    }

    public void Dispose()
    {
    }

    private static float[] Tokens()
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, 1 << 16).Select(_ => 8 * random.NextSingle() - 4)];
    }
}
