using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Dass.Grid.Engine.Model.Onnx.Cuda;

/// <summary>
/// Kernels as PTX, the assembly that CUDA's driver compiles for the card at hand. For Ampere (2020) and its successors: a newer card runs
/// the PTX of an older one.
/// </summary>
internal sealed class PtxCompiler : IDisposable
{
    private readonly Context _context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2));
    private readonly PTXBackend _backend;

    public PtxCompiler()
    {
        var architecture = CudaArchitecture.SM_80;
        _backend = new PTXBackend(
            _context, new CudaCapabilityContext(architecture), architecture, CudaInstructionSet.ISA_78, nvvmAPI: null);
    }

    /// <returns>The assembly text and the name of the kernel in it.</returns>
    public (string Text, string Entry) Compile(DeviceKernel kernel)
    {
        var entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method);
        var compiled = (PTXCompiledKernel)_backend.Compile(entry, KernelSpecialization.Empty);

        // Branches without the promise that all threads of a warp take them together: the compiler's analysis may be mistaken, a card
        // that believes it then runs threads where they do not belong, and the driver finds out by itself where the promise holds.
        return (compiled.PTXAssembly.Replace("bra.uni", "bra", StringComparison.Ordinal), compiled.Name);
    }

    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }
}
