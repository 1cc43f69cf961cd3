namespace Dass.Grid.Engine.Model.Onnx.Native;

/// <summary>A tensor's element type, as numbered by ONNX.</summary>
internal enum ElementType
{
    Float = 1,
    UInt8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
}

/// <summary>An operator of the graph that is computed in C#. Inputs and outputs are float unless declared otherwise.</summary>
internal abstract class CustomOperator(string name, int outputs, params ElementType[] inputs)
{
    public string Name => name;

    public int Outputs => outputs;

    public IReadOnlyList<ElementType> Inputs => inputs;

    public virtual ElementType OutputType(int index) => ElementType.Float;

    /// <summary>Makes the operator of one node from the node's attributes.</summary>
    public abstract Kernel Create(KernelInfo info);

    protected static ElementType[] Floats(int count) => [.. Enumerable.Repeat(ElementType.Float, count)];
}

/// <summary>The computation of one node. Several runs may be inside <see cref="Compute"/> at once: no mutable fields.</summary>
internal abstract class Kernel
{
    public abstract void Compute(KernelContext context);
}

/// <summary>The attributes of the node that a kernel is made for.</summary>
internal readonly unsafe struct KernelInfo(void* handle)
{
    public int Int(string attribute) => checked((int)OrtApi.IntAttribute(handle, attribute));
}

/// <summary>Inputs and outputs of one run of one node. Pointers are valid until the kernel returns.</summary>
internal readonly unsafe ref struct KernelContext(void* handle)
{
    private readonly void* _handle = handle;

    public float* Input(int index) => (float*)OrtApi.Data(OrtApi.Input(_handle, index));

    /// <summary>An input and its shape.</summary>
    public float* Input(int index, Span<long> dimensions, out int rank)
    {
        var value = OrtApi.Input(_handle, index);
        rank = OrtApi.Dimensions(value, dimensions);
        return (float*)OrtApi.Data(value);
    }

    public int* Int32Input(int index) => (int*)OrtApi.Data(OrtApi.Input(_handle, index));

    public long* Int64Input(int index) => (long*)OrtApi.Data(OrtApi.Input(_handle, index));

    /// <summary>An output of bytes.</summary>
    public byte* ByteOutput(int index, params ReadOnlySpan<long> shape) => (byte*)Output(index, shape);

    /// <summary>The CUDA stream that the node's kernels belong on, when the provider is CUDA's.</summary>
    public nint ComputeStream => OrtApi.ComputeStream(_handle);

    public float* Output(int index, params ReadOnlySpan<long> shape) => (float*)OrtApi.Data(OrtApi.Output(_handle, index, shape));
}
