using System.Collections.Concurrent;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>DASS on ONNX Runtime in fp32: the graph is built from the weights when the model is made, without a file.</summary>
/// <remarks>Each <see cref="Step"/> computes on its calling thread alone; several threads may step at once.</remarks>
public sealed class OnnxStepModel : IStepModel
{
    private readonly InferenceSession _session;
    private readonly RunOptions _runOptions = new();
    private readonly string[] _inputs;
    private readonly string[] _outputs;

    // One per thread that steps at the same time; each is used by one step at a time.
    private readonly ConcurrentBag<OnnxStepBuffers> _buffers = [];

    // Before the first call into ONNX Runtime: the constructor below is the engine's only way to it.
    static OnnxStepModel() => OnnxRuntimeTelemetry.Disable();

    /// <exception cref="NotSupportedException">CUDA was demanded and cannot be used.</exception>
    public OnnxStepModel(DassModel model, OnnxDevice device = OnnxDevice.Auto)
    {
        Model = model;
        StateLayout = new StateLayout(model.Config);
        using var options = new SessionOptions
        {
            IntraOpNumThreads = 1,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        options.AddSessionConfigEntry("session.inter_op.allow_spinning", "0");
        (Device, DeviceWarning) = OnnxDevices.Configure(options, device);
        DassGraph.CustomOperators.AddTo(options);
        _session = new InferenceSession(DassGraph.Build(model), options);
        var states = StateLayout.Tensors.Select(tensor => tensor.Name).ToArray();
        _inputs = [DassGraph.Features, DassGraph.First, DassGraph.Committed, .. states];
        _outputs = [.. states.Select(DassGraph.Next), _session.OutputNames[^1]];
    }

    public DassModel Model { get; }

    /// <summary>Where it runs.</summary>
    public OnnxDevice Device { get; }

    /// <summary>Why it does not run on CUDA although this build could; null: nothing to say.</summary>
    public string? DeviceWarning { get; }

    public StateLayout StateLayout { get; }

    public void Step(ReadOnlySpan<StepRequest> batch)
    {
        StepRequest.CheckBatch(batch);
        if (!_buffers.TryTake(out var buffers))
        {
            buffers = new OnnxStepBuffers(Model.Config, StateLayout);
        }
        buffers.Gather(batch);
        _session.Run(_runOptions, _inputs, buffers.Inputs, _outputs, buffers.Outputs);
        buffers.Scatter(batch);
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
