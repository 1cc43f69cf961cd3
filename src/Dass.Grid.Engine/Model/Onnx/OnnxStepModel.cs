using System.Collections.Concurrent;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>DASS on ONNX Runtime in fp32 on the processor.</summary>
/// <remarks>
/// Several threads may step at once. Each <see cref="Step"/> computes on its calling thread alone, unless more threads share its matrix
/// products: scores are the same then, to the bit.
/// </remarks>
public sealed class OnnxStepModel : IStepModel
{
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions;

    // One per thread that steps at the same time; each is used by one step at a time.
    private readonly ConcurrentBag<OnnxStepBuffers> _buffers = [];

    /// <param name="model">Whose weights.</param>
    /// <param name="deviceWarning">Why it runs on the processor although a device was wanted; null: nothing to say.</param>
    /// <param name="threads">That share the matrix products of one step, 1 or more.</param>
    public OnnxStepModel(DassModel model, string? deviceWarning = null, int threads = 1)
        : this(model, DassGraph.Build(model), threads) => DeviceWarning = deviceWarning;

    /// <param name="model">Whose weights.</param>
    /// <param name="graph">A graph with the inputs and outputs of <see cref="DassGraph"/>.</param>
    /// <param name="threads">As above.</param>
    internal OnnxStepModel(DassModel model, byte[] graph, int threads = 1)
    {
        Model = model;
        StateLayout = new StateLayout(model.Config);
        _session = OnnxSessions.Create(graph, () => DassGraph.CustomOperators, threads: threads);
        _runOptions = new RunOptions();
    }

    public DassModel Model { get; }

    public string? DeviceWarning { get; }

    public StateLayout StateLayout { get; }

    public void Step(ReadOnlySpan<StepRequest> batch)
    {
        StepRequest.CheckBatch(batch);
        if (!_buffers.TryTake(out var buffers))
        {
            buffers = new OnnxStepBuffers(_session, Model.Config, StateLayout);
        }
        try
        {
            buffers.Step(batch, _runOptions);
        }
        catch
        {
            buffers.Dispose();
            throw;
        }
        _buffers.Add(buffers);
    }

    public void Dispose()
    {
        while (_buffers.TryTake(out var buffers))
        {
            buffers.Dispose();
        }
        _runOptions.Dispose();
        _session.Dispose();
    }
}
