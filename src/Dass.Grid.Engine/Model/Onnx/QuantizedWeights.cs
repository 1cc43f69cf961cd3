using System.Runtime.Intrinsics.X86;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>Weights in signed bytes, each output channel with a scale of its own: w ≈ scale · q.</summary>
internal static class QuantizedWeights
{
    /// <summary>
    /// Most steps from zero. Without VNNI, ONNX Runtime adds two products of an unsigned and a signed byte in 16 bits, saturating:
    /// 2 · 255 · 63 is what fits.
    /// </summary>
    private static readonly float Steps = !X86Base.IsSupported || HasVnni() ? 127 : 63;

    /// <param name="matrix">[inputs, outputs], row-major.</param>
    /// <param name="outputs">Its columns.</param>
    public static (sbyte[] Bytes, float[] Scales) From(ReadOnlySpan<float> matrix, int outputs)
    {
        var scales = new float[outputs];
        for (var i = 0; i < matrix.Length; i++)
        {
            scales[i % outputs] = MathF.Max(scales[i % outputs], MathF.Abs(matrix[i]) / Steps);
        }
        var bytes = new sbyte[matrix.Length];
        for (var i = 0; i < matrix.Length; i++)
        {
            var scale = scales[i % outputs];
            bytes[i] = scale > 0 ? (sbyte)MathF.Round(matrix[i] / scale) : (sbyte)0;
        }
        return (bytes, scales);
    }

    // Intel's manual, CPUID leaf 7: AVX512_VNNI is bit 11 of ECX of subleaf 0, AVX_VNNI bit 4 of EAX of subleaf 1.
    private static bool HasVnni() =>
        X86Base.CpuId(0, 0).Eax >= 7
        && ((X86Base.CpuId(7, 0).Ecx >> 11 & 1) == 1 || (X86Base.CpuId(7, 0).Eax >= 1 && (X86Base.CpuId(7, 1).Eax >> 4 & 1) == 1));
}
