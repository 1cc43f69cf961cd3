using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Dass.Grid.Engine.Model.Onnx.Operators;

internal readonly unsafe struct Lanes512 : ILanes<Vector512<float>>
{
    public static int Width => 16;

    public static Vector512<float> Load(float* source) => Vector512.Load(source);

    public static void Store(Vector512<float> a, float* target) => a.Store(target);

    public static Vector512<float> Create(float a) => Vector512.Create(a);

    public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;

    public static Vector512<float> Subtract(Vector512<float> a, Vector512<float> b) => a - b;

    public static Vector512<float> Multiply(Vector512<float> a, Vector512<float> b) => a * b;

    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.FusedMultiplyAdd(a, b, c);

    public static Vector512<float> Divide(Vector512<float> a, Vector512<float> b)
    {
        if (!Avx512F.IsSupported)
        {
            return a / b;
        }
        // Division takes twice the time of this estimate (14 bits) and one Newton step (28 bits).
        var estimate = Avx512F.Reciprocal14(b);
        return a * (estimate * (Vector512.Create(2f) - b * estimate));
    }

    public static Vector512<float> Max(Vector512<float> a, Vector512<float> b) => Vector512.MaxNative(a, b);

    public static Vector512<float> Min(Vector512<float> a, Vector512<float> b) => Vector512.MinNative(a, b);

    public static Vector512<float> NegativeAbs(Vector512<float> a) => a | Vector512.Create(-0f);

    public static Vector512<float> SelectBySign(Vector512<float> a, Vector512<float> whenNegative, Vector512<float> otherwise) =>
        Vector512.ConditionalSelect(Vector512.LessThan(a, Vector512<float>.Zero), whenNegative, otherwise);

    public static Vector512<float> Scale(Vector512<float> a, Vector512<float> shifted) =>
        (a.AsInt32() + (shifted.AsInt32() << 23)).AsSingle();

    public static float Sum(Vector512<float> a) => Vector512.Sum(a);

    public static float Highest(Vector512<float> a) => Lanes256.Highest(Vector256.MaxNative(a.GetLower(), a.GetUpper()));

    public static Vector512<float> LoadInt32(int* source) => Vector512.ConvertToSingle(Vector512.Load(source));

    public static void StoreLowBytes(Vector512<float> a, byte* target)
    {
        var low = a.AsUInt32() & Vector512.Create(0xFFu);
        var words = Vector256.Narrow(low.GetLower(), low.GetUpper());
        Vector128.Narrow(words.GetLower(), words.GetUpper()).Store(target);
    }
}
