using Dass.Grid.Engine.Model.Onnx.Operators;

namespace Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

/// <summary>
/// One lane as a thread of the device computes it, so that the kernels share <see cref="VectorMath{TLanes, TVector}"/> with the operators
/// of the processor. The device's own exp2 and log2 are approximations that the scan would multiply over thousands of tokens.
/// </summary>
/// <remarks>Products and sums are apart: the driver's assembler fuses them into one rounding, as the processor's operators do.</remarks>
internal readonly unsafe struct DeviceLanes : ILanes<float>
{
    public static int Width => 1;

    public static float Load(float* source) => *source;

    public static void Store(float a, float* target) => *target = a;

    public static float Create(float a) => a;

    public static float Add(float a, float b) => a + b;

    public static float Subtract(float a, float b) => a - b;

    public static float Multiply(float a, float b) => a * b;

    public static float MultiplyAdd(float a, float b, float c) => a * b + c;

    public static float Divide(float a, float b) => a / b;

    public static float Max(float a, float b) => a > b ? a : b;

    public static float Highest(float a) => a;

    public static float LoadInt32(int* source) => *source;

    public static void StoreLowBytes(float a, byte* target) => *target = (byte)BitConverter.SingleToUInt32Bits(a);

    public static float Min(float a, float b) => a < b ? a : b;

    public static float NegativeAbs(float a) => -MathF.Abs(a);

    public static float SelectBySign(float a, float whenNegative, float otherwise) => a < 0 ? whenNegative : otherwise;

    public static float Scale(float a, float shifted) =>
        BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) + (BitConverter.SingleToInt32Bits(shifted) << 23));

    public static float Sum(float a) => a;
}

/// <summary>The functions of <see cref="VectorMath{TLanes, TVector}"/> of one value: the second of each pair is dead code.</summary>
internal static class DeviceMath
{
    public static float Exp2OfNegative(float x)
    {
        var unused = 0f;
        VectorMath<DeviceLanes, float>.Exp2OfNegative(ref x, ref unused);
        return x;
    }

    public static float Softplus2(float x)
    {
        var unused = 0f;
        VectorMath<DeviceLanes, float>.Softplus2(ref x, ref unused);
        return x;
    }

    public static float Silu(float x)
    {
        var unused = 0f;
        VectorMath<DeviceLanes, float>.Silu(ref x, ref unused);
        return x;
    }

    public static float Gelu(float x)
    {
        var unused = 0f;
        VectorMath<DeviceLanes, float>.Gelu(ref x, ref unused);
        return x;
    }
}
