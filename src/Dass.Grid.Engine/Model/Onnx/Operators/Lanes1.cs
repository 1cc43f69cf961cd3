namespace Dass.Grid.Engine.Model.Onnx.Operators;

/// <summary>One lane: any processor, any number of channels, and the specification of the wider ones.</summary>
internal readonly unsafe struct Lanes1 : ILanes<float>
{
    public static int Width => 1;

    public static float Load(float* source) => *source;

    public static void Store(float a, float* target) => *target = a;

    public static float Create(float a) => a;

    public static float Add(float a, float b) => a + b;

    public static float Subtract(float a, float b) => a - b;

    public static float Multiply(float a, float b) => a * b;

    public static float MultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

    public static float Divide(float a, float b) => a / b;

    public static float Max(float a, float b) => a > b ? a : b;

    public static float Min(float a, float b) => a < b ? a : b;

    public static float NegativeAbs(float a) => -MathF.Abs(a);

    public static float SelectBySign(float a, float whenNegative, float otherwise) => a < 0 ? whenNegative : otherwise;

    public static float Scale(float a, float shifted) =>
        BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(a) + (BitConverter.SingleToInt32Bits(shifted) << 23));

    public static float Sum(float a) => a;

    public static float Highest(float a) => a;

    public static float LoadInt32(int* source) => *source;

    public static void StoreLowBytes(float a, byte* target) => *target = (byte)BitConverter.SingleToUInt32Bits(a);
}
