using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx.Native;

/// <summary>Registers C# operators with ONNX Runtime through function pointers, without a native build.</summary>
internal sealed unsafe class CustomOperatorDomain
{
    private const int HostMemory = -2; // OrtMemTypeCPUInput

    private readonly void* _domain;

    /// <param name="name">The domain's, in the graph.</param>
    /// <param name="provider">Which provider of ONNX Runtime calls the operators, e.g. CUDAExecutionProvider; null: the processor's. With a
    /// provider, tensors are in its memory, but for integers of 64 bits: those the host reads.</param>
    /// <param name="operators">All of the domain.</param>
    /// <remarks>What this allocates lives as long as the process: ONNX Runtime keeps the addresses for every session.</remarks>
    public CustomOperatorDomain(string name, string? provider, params ReadOnlySpan<CustomOperator> operators)
    {
        _domain = OrtApi.CreateCustomOpDomain((byte*)Marshal.StringToCoTaskMemUTF8(name));
        foreach (var definition in operators)
        {
            OrtApi.AddToDomain(_domain, Describe(definition, provider));
        }
    }

    public void AddTo(SessionOptions options) => OrtApi.AddDomain(options, _domain);

    private static OrtCustomOp* Describe(CustomOperator definition, string? provider)
    {
        var op = (OrtCustomOp*)NativeMemory.AllocZeroed((nuint)sizeof(OrtCustomOp));
        op->Version = OrtApi.Version;
        op->Operator = GCHandle.ToIntPtr(GCHandle.Alloc(definition));
        op->Name = (byte*)Marshal.StringToCoTaskMemUTF8(definition.Name);
        op->Provider = (byte*)Marshal.StringToCoTaskMemUTF8(provider);
        op->GetName = &GetName;
        op->GetExecutionProviderType = &GetProvider;
        op->GetInputType = &GetInputType;
        op->GetInputTypeCount = &GetInputCount;
        op->GetOutputType = &GetOutputType;
        op->GetOutputTypeCount = &GetOutputCount;
        op->GetInputCharacteristic = &Zero;
        op->GetOutputCharacteristic = &Zero;
        op->GetInputMemoryType = &GetInputMemoryType;
        op->GetVariadicInputMinArity = &One;
        op->GetVariadicInputHomogeneity = &One;
        op->GetVariadicOutputMinArity = &One;
        op->GetVariadicOutputHomogeneity = &One;
        op->GetStartVersion = &One;
        op->GetEndVersion = &AnyVersion;
        op->CreateKernelV2 = &CreateKernel;
        op->KernelComputeV2 = &Compute;
        op->KernelDestroy = &Destroy;
        return op;
    }

    private static CustomOperator Definition(OrtCustomOp* op) => (CustomOperator)GCHandle.FromIntPtr(op->Operator).Target!;

    [UnmanagedCallersOnly]
    private static byte* GetName(OrtCustomOp* op) => op->Name;

    [UnmanagedCallersOnly]
    private static byte* GetProvider(OrtCustomOp* op) => op->Provider;

    [UnmanagedCallersOnly]
    private static int GetInputType(OrtCustomOp* op, nuint index) => (int)Definition(op).Inputs[(int)index];

    [UnmanagedCallersOnly]
    private static nuint GetInputCount(OrtCustomOp* op) => (nuint)Definition(op).Inputs.Count;

    [UnmanagedCallersOnly]
    private static int GetInputMemoryType(OrtCustomOp* op, nuint index) =>
        op->Provider != null && Definition(op).Inputs[(int)index] == ElementType.Int64 ? HostMemory : 0;

    [UnmanagedCallersOnly]
    private static int GetOutputType(OrtCustomOp* op, nuint index) => (int)Definition(op).OutputType((int)index);

    [UnmanagedCallersOnly]
    private static nuint GetOutputCount(OrtCustomOp* op) => (nuint)Definition(op).Outputs;

    [UnmanagedCallersOnly]
    private static int Zero(OrtCustomOp* op, nuint index) => 0;

    [UnmanagedCallersOnly]
    private static int One(OrtCustomOp* op) => 1;

    [UnmanagedCallersOnly]
    private static int AnyVersion(OrtCustomOp* op) => int.MaxValue;

    // No exception may cross into native code: each becomes a status, which ONNX Runtime raises again with its text.

    [UnmanagedCallersOnly]
    private static void* CreateKernel(OrtCustomOp* op, void* api, void* info, void** kernel)
    {
        try
        {
            *kernel = (void*)GCHandle.ToIntPtr(GCHandle.Alloc(Definition(op).Create(new KernelInfo(info))));
            return null;
        }
        catch (Exception exception)
        {
            return OrtApi.CreateStatus(exception.ToString());
        }
    }

    [UnmanagedCallersOnly]
    private static void* Compute(void* kernel, void* context)
    {
        try
        {
            Unsafe.As<Kernel>(GCHandle.FromIntPtr((nint)kernel).Target!).Compute(new KernelContext(context));
            return null;
        }
        catch (Exception exception)
        {
            return OrtApi.CreateStatus(exception.ToString());
        }
    }

    [UnmanagedCallersOnly]
    private static void Destroy(void* kernel) => GCHandle.FromIntPtr((nint)kernel).Free();
}
