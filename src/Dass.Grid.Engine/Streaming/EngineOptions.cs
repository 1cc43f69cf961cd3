using System.Diagnostics.Metrics;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;

namespace Dass.Grid.Engine.Streaming;

/// <summary>Implementations of the network, best first.</summary>
public enum StepModelKind
{
    /// <summary>ONNX Runtime.</summary>
    Onnx,

    /// <summary>Plain loops: the specification, slow.</summary>
    Reference,

    /// <summary>ONNX Runtime with a GPU's kernels and memory, emulated by the processor: for tests of that path, slow.</summary>
    DeviceOnCpu,
}

/// <summary>How one model is served on this machine.</summary>
public sealed class EngineOptions
{
    /// <summary>Directory in Hugging Face layout. Default: null, the built-in model.</summary>
    public string? ModelDirectory { get; set; }

    /// <summary>Streams that can be live at once: slots for their states, on all devices, 1 to 1,000,000. Default: 256.</summary>
    public int MaxStreams { get; set; } = 256;

    /// <summary>
    /// The share of the slots that stays free for other tenants when one tenant alone has taken all that it can get, 0 to 0.9: a tenant
    /// gets no further slot once it holds <c>(1 - share) / share</c> times as many as are free. Of the reserve itself a tenant gets a slot
    /// if it has none, and further ones while it holds less than half as many as are free: a second tenant that wants all gets a third of
    /// it, the next one a third of the rest. Fewer slots than 1 / share have no reserve, and neither has a grid without keys, which has one
    /// tenant. 0: no reserve. Default: 0.1.
    /// </summary>
    public double ReservedShare { get; set; } = 0.1;

    /// <summary>Dedicated threads that run steps, 0 to 1024. Default: 0, one per core, or one for each GPU.</summary>
    public int Threads { get; set; }

    /// <summary>
    /// Threads of a processor that share the matrix products of one step, 1 to 64: one stream is heard sooner then, and many streams
    /// cost more. Default: 1.
    /// </summary>
    public int StepThreads { get; set; } = 1;

    /// <summary>
    /// Which implementation runs the network. The environment variable <c>DASS_STEP_MODEL</c> (Onnx, Reference, DeviceOnCpu) wins
    /// over it. Default: Onnx.
    /// </summary>
    public StepModelKind StepModel { get; set; }

    /// <summary>Where the ONNX model runs. Default: Auto.</summary>
    public OnnxDevice Device { get; set; }

    /// <summary>Which of several GPUs, 0 to 63, counted as <c>CUDA_VISIBLE_DEVICES</c> leaves them. Default: 0.</summary>
    public int DeviceIndex { get; set; }

    /// <summary>
    /// GPUs that the model uses, from <see cref="DeviceIndex"/> on, 1 to 64: each with weights, states and batches of its own. Streams are
    /// spread over them by what each carries. A processor is one device. Default: 1.
    /// </summary>
    public int DeviceCount { get; set; } = 1;

    /// <summary>How matrices are multiplied: Fp32, Tf32 (GPU) or Int8 (processor). Default: Fp32.</summary>
    public StepPrecision Precision { get; set; }

    /// <summary>How single steps become batches.</summary>
    public StepBatcherOptions Batcher { get; set; } = new();

    /// <summary>Audio that a stream may hold beyond its next step while the device cannot keep up, 1 s to 10 min. Default: 30 s.</summary>
    public TimeSpan MaxBacklog { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Longest stream with <see cref="StreamSessionOptions.Offline"/>, whose memory grows with its audio, 1 s to 4 h. Default: 1 h.
    /// </summary>
    public TimeSpan MaxOfflineAudio { get; set; } = TimeSpan.FromHours(1);

    /// <summary>The host that the engine's instruments belong to. Default: null, the process.</summary>
    public IMeterFactory? Meters { get; set; }

    /// <summary>Puts another step model around the one that is made: a device that fails on demand. Default: null, none.</summary>
    internal Func<IStepModel, IStepModel>? WrapStepModel { get; set; }

    /// <summary>Checks the rules of every field.</summary>
    /// <exception cref="ArgumentException">A rule is broken; the message lists every one with field, value and rule.</exception>
    public void Validate()
    {
        var validation = new OptionRules();
        const string Name = nameof(EngineOptions);
        validation.InRange($"{Name}.{nameof(MaxStreams)}", MaxStreams, 1, 1_000_000);
        validation.Rule(ReservedShare is >= 0 and <= 0.9, $"{Name}.{nameof(ReservedShare)}", ReservedShare, "it must be 0 to 0.9");
        validation.InRange($"{Name}.{nameof(Threads)}", Threads, 0, 1024);
        validation.InRange($"{Name}.{nameof(StepThreads)}", StepThreads, 1, 64);
        validation.Rule(Enum.IsDefined(StepModel), $"{Name}.{nameof(StepModel)}", StepModel, "it must be Onnx, Reference or DeviceOnCpu");
        validation.Rule(Enum.IsDefined(Device), $"{Name}.{nameof(Device)}", Device, "it must be Auto, Cpu or Cuda");
        validation.InRange($"{Name}.{nameof(DeviceIndex)}", DeviceIndex, 0, 63);
        validation.InRange($"{Name}.{nameof(DeviceCount)}", DeviceCount, 1, 64);
        validation.Rule(Enum.IsDefined(Precision), $"{Name}.{nameof(Precision)}", Precision, "it must be Fp32, Tf32 or Int8");
        validation.InRange($"{Name}.{nameof(MaxBacklog)}", MaxBacklog, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10));
        validation.InRange($"{Name}.{nameof(MaxOfflineAudio)}", MaxOfflineAudio, TimeSpan.FromSeconds(1), TimeSpan.FromHours(4));
        Batcher.AddTo(validation);
        validation.ThrowIfBroken();
    }
}
