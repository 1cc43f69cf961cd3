using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Model.Onnx.Native;

/// <summary>
/// <c>struct OrtCustomOp</c> of onnxruntime_c_api.h, version 31: 208 bytes on 64-bit systems. ONNX Runtime passes its address back to
/// every callback, so what follows the 208 bytes belongs to us.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct OrtCustomOp
{
    public uint Version;
    public delegate* unmanaged<OrtCustomOp*, void*, void*, void*> CreateKernel;
    public delegate* unmanaged<OrtCustomOp*, byte*> GetName;
    public delegate* unmanaged<OrtCustomOp*, byte*> GetExecutionProviderType;
    public delegate* unmanaged<OrtCustomOp*, nuint, int> GetInputType;
    public delegate* unmanaged<OrtCustomOp*, nuint> GetInputTypeCount;
    public delegate* unmanaged<OrtCustomOp*, nuint, int> GetOutputType;
    public delegate* unmanaged<OrtCustomOp*, nuint> GetOutputTypeCount;
    public delegate* unmanaged<void*, void*, void> KernelCompute;
    public delegate* unmanaged<void*, void> KernelDestroy;
    public delegate* unmanaged<OrtCustomOp*, nuint, int> GetInputCharacteristic;
    public delegate* unmanaged<OrtCustomOp*, nuint, int> GetOutputCharacteristic;
    public delegate* unmanaged<OrtCustomOp*, nuint, int> GetInputMemoryType;
    public delegate* unmanaged<OrtCustomOp*, int> GetVariadicInputMinArity;
    public delegate* unmanaged<OrtCustomOp*, int> GetVariadicInputHomogeneity;
    public delegate* unmanaged<OrtCustomOp*, int> GetVariadicOutputMinArity;
    public delegate* unmanaged<OrtCustomOp*, int> GetVariadicOutputHomogeneity;
    public delegate* unmanaged<OrtCustomOp*, void*, void*, void**, void*> CreateKernelV2;
    public delegate* unmanaged<void*, void*, void*> KernelComputeV2;
    public delegate* unmanaged<OrtCustomOp*, void*, void*> InferOutputShape;
    public delegate* unmanaged<OrtCustomOp*, int> GetStartVersion;
    public delegate* unmanaged<OrtCustomOp*, int> GetEndVersion;
    public delegate* unmanaged<int**, int**, nuint> GetMayInplace;
    public delegate* unmanaged<int*, int*, void> ReleaseMayInplace;
    public delegate* unmanaged<int**, int**, nuint> GetAliasMap;
    public delegate* unmanaged<int*, int*, void> ReleaseAliasMap;

    public nint Operator; // GCHandle of the CustomOperator
    public byte* Name;
    public byte* Provider;
}
