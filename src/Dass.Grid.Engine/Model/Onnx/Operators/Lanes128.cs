using System.Runtime.Intrinsics;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

internal readonly unsafe struct Lanes128 : ILanes<Vector128<float>>
{
    public static int Width => 4;

    public static Vector128<float> Load(float* source) => Vector128.Load(source);

    public static void Store(Vector128<float> a, float* target) => a.Store(target);

    public static Vector128<float> Create(float a) => Vector128.Create(a);

    public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) => a + b;

    public static Vector128<float> Subtract(Vector128<float> a, Vector128<float> b) => a - b;

    public static Vector128<float> Multiply(Vector128<float> a, Vector128<float> b) => a * b;

    public static Vector128<float> MultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Vector128.FusedMultiplyAdd(a, b, c);

    public static Vector128<float> Divide(Vector128<float> a, Vector128<float> b) => a / b;

    public static Vector128<float> Max(Vector128<float> a, Vector128<float> b) => Vector128.MaxNative(a, b);

    public static Vector128<float> Min(Vector128<float> a, Vector128<float> b) => Vector128.MinNative(a, b);

    public static Vector128<float> NegativeAbs(Vector128<float> a) => a | Vector128.Create(-0f);

    public static Vector128<float> SelectBySign(Vector128<float> a, Vector128<float> whenNegative, Vector128<float> otherwise) =>
        Vector128.ConditionalSelect(Vector128.LessThan(a, Vector128<float>.Zero), whenNegative, otherwise);

    public static Vector128<float> Scale(Vector128<float> a, Vector128<float> shifted) =>
        (a.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();

    public static float Sum(Vector128<float> a) => Vector128.Sum(a);

    public static float Highest(Vector128<float> a) =>
        MathF.Max(MathF.Max(a.GetElement(0), a.GetElement(1)), MathF.Max(a.GetElement(2), a.GetElement(3)));

    public static Vector128<float> LoadInt32(int* source) => Vector128.ConvertToSingle(Vector128.Load(source));

    public static void StoreLowBytes(Vector128<float> a, byte* target)
    {
        var low = a.AsUInt32() & Vector128.Create(0xFFu);
        var words = Vector128.Narrow(low, low);
        *(uint*)target = Vector128.Narrow(words, words).AsUInt32().ToScalar();
    }
}
