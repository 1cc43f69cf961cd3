namespace Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

/// <summary>
/// An address in the device's memory: eight bytes on both sides, so that a struct of C# is a kernel's parameter as it lies in memory.
/// </summary>
/// <remarks>No pointer field: the launcher for the processor takes structs of numbers only.</remarks>
internal readonly unsafe struct DevicePointer<T>(T* pointer)
    where T : unmanaged
{
    private readonly long _address = (long)pointer;

    /// <summary>Index it by numbers that are not negative: the compiler to PTX extends a 32-bit index without its sign.</summary>
    public T* Pointer => (T*)_address;

    public static implicit operator DevicePointer<T>(T* pointer) => new(pointer);
}
