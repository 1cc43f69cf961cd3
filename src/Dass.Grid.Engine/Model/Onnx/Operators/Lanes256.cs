using System.Runtime.Intrinsics;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

internal readonly unsafe struct Lanes256 : ILanes<Vector256<float>>
{
    public static int Width => 8;

    public static Vector256<float> Load(float* source) => Vector256.Load(source);

    public static void Store(Vector256<float> a, float* target) => a.Store(target);

    public static Vector256<float> Create(float a) => Vector256.Create(a);

    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;

    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => a * b;

    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Vector256.FusedMultiplyAdd(a, b, c);

    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) => Vector256.MaxNative(a, b);

    public static Vector256<float> Min(Vector256<float> a, Vector256<float> b) => Vector256.MinNative(a, b);

    public static Vector256<float> NegativeAbs(Vector256<float> a) => a | Vector256.Create(-0f);

    public static Vector256<float> SelectBySign(Vector256<float> a, Vector256<float> whenNegative, Vector256<float> otherwise) =>
        Vector256.ConditionalSelect(Vector256.LessThan(a, Vector256<float>.Zero), whenNegative, otherwise);

    public static Vector256<float> Scale(Vector256<float> a, Vector256<float> shifted) =>
        (a.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();

    public static float Sum(Vector256<float> a) => Vector256.Sum(a);

    public static float Highest(Vector256<float> a) => Lanes128.Highest(Vector128.MaxNative(a.GetLower(), a.GetUpper()));

    public static Vector256<float> LoadInt32(int* source) => Vector256.ConvertToSingle(Vector256.Load(source));

    public static void StoreLowBytes(Vector256<float> a, byte* target)
    {
        var low = a.AsUInt32() & Vector256.Create(0xFFu);
        var words = Vector128.Narrow(low.GetLower(), low.GetUpper());
        *(ulong*)target = Vector128.Narrow(words, words).AsUInt64().ToScalar();
    }
}
