using Dass.Grid.Engine.Model.Onnx.Native;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>The engine's only way to ONNX Runtime: sessions of a model's graph.</summary>
internal static class OnnxSessions
{
    private static readonly Lock First = new();
    private static volatile bool _isDomainKnown;

    // Before the first call into ONNX Runtime.
    static OnnxSessions() => OnnxRuntimeTelemetry.Disable();

    /// <param name="graph">Of a model, built from its weights, without a file.</param>
    /// <param name="operators">The graph's own operators.</param>
    /// <param name="addProvider">Adds what runs the rest of the graph; null: the processor.</param>
    /// <param name="threads">That share the matrix products of a run; 1: the calling thread alone.</param>
    public static InferenceSession Create(
        byte[] graph, Func<CustomOperatorDomain> operators, Action<SessionOptions>? addProvider = null, int threads = 1)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        options.AddSessionConfigEntry("session.inter_op.allow_spinning", "0");
        addProvider?.Invoke(options);
        operators().AddTo(options);
        return Open(graph, options);
    }

    /// <summary>A session of a graph with operators of ours.</summary>
    public static InferenceSession Open(byte[] graph, SessionOptions options)
    {
        if (_isDomainKnown)
        {
            return new InferenceSession(graph, options);
        }
        // ONNX Runtime enters the operators' domain into a list of the process, and fails when two sessions do it at once.
        lock (First)
        {
            var session = new InferenceSession(graph, options);
            _isDomainKnown = true;
            return session;
        }
    }

    /// <summary>Whether a device had no memory left. ONNX Runtime has one exception for all failures, and words in it.</summary>
    public static bool IsOutOfMemory(OnnxRuntimeException exception) =>
        exception.Message.Contains("Failed to allocate memory", StringComparison.Ordinal)
        || exception.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
        || exception.Message.Contains("CUBLAS failure 3:", StringComparison.Ordinal) // CUBLAS_STATUS_ALLOC_FAILED
        || exception.Message.Contains(nameof(DeviceMemoryException), StringComparison.Ordinal);

    /// <summary>Names of the inputs in the order in which step buffers hold them.</summary>
    public static string[] Inputs(StateLayout layout) =>
        [DassGraph.Features, DassGraph.First, DassGraph.Committed, .. layout.Tensors.Select(tensor => tensor.Name)];

    /// <summary>Names of the outputs in the order in which step buffers hold them.</summary>
    public static string[] Outputs(StateLayout layout, InferenceSession session) =>
        [.. layout.Tensors.Select(tensor => DassGraph.Next(tensor.Name)), session.OutputNames[^1]];
}
