using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.OnnxRuntime;

namespace Dass.Grid.Engine.Model.Onnx.Native;

/// <summary>
/// The entries of ONNX Runtime's C function table that custom operators need and the managed wrapper does not offer.
/// Indices are positions in <c>struct OrtApi</c> of onnxruntime_c_api.h; the table only ever grows at its end.
/// </summary>
internal static unsafe class OrtApi
{
    /// <summary>The table version that the indices and <see cref="OrtCustomOp"/> belong to.</summary>
    public const uint Version = 31;

    private static readonly void** Table = Load();

    public static void* CreateStatus(string message)
    {
        fixed (byte* text = Utf8(message))
        {
            return ((delegate* unmanaged<int, byte*, void*>)Table[0])(FailCode, text); // copies the text
        }
    }

    public static void* CreateCustomOpDomain(byte* name)
    {
        void* domain;
        Check(((delegate* unmanaged<byte*, void**, void*>)Table[26])(name, &domain));
        return domain;
    }

    public static void AddToDomain(void* domain, OrtCustomOp* op) =>
        Check(((delegate* unmanaged<void*, OrtCustomOp*, void*>)Table[27])(domain, op));

    public static void AddDomain(SessionOptions options, void* domain)
    {
        Check(((delegate* unmanaged<void*, void*, void*>)Table[28])((void*)options.DangerousGetHandle(), domain));
        GC.KeepAlive(options);
    }

    public static void* Data(void* value)
    {
        void* data;
        Check(((delegate* unmanaged<void*, void**, void*>)Table[51])(value, &data));
        return data;
    }

    public static int Dimensions(void* value, Span<long> dimensions)
    {
        void* info;
        Check(((delegate* unmanaged<void*, void**, void*>)Table[65])(value, &info));
        nuint rank;
        var status = ((delegate* unmanaged<void*, nuint*, void*>)Table[61])(info, &rank);
        if (status == null && (int)rank <= dimensions.Length)
        {
            fixed (long* target = dimensions)
            {
                status = ((delegate* unmanaged<void*, long*, nuint, void*>)Table[62])(info, target, rank);
            }
        }
        ((delegate* unmanaged<void*, void>)Table[99])(info);
        Check(status);
        return (int)rank;
    }

    public static long IntAttribute(void* kernelInfo, string name)
    {
        long value;
        fixed (byte* text = Utf8(name))
        {
            Check(((delegate* unmanaged<void*, byte*, long*, void*>)Table[86])(kernelInfo, text, &value));
        }
        return value;
    }

    public static void* Input(void* context, int index)
    {
        void* value;
        Check(((delegate* unmanaged<void*, nuint, void**, void*>)Table[90])(context, (nuint)index, &value));
        return value;
    }

    public static void* Output(void* context, int index, ReadOnlySpan<long> shape)
    {
        void* value;
        fixed (long* dimensions = shape)
        {
            Check(((delegate* unmanaged<void*, nuint, long*, nuint, void**, void*>)Table[91])(
                context, (nuint)index, dimensions, (nuint)shape.Length, &value));
        }
        return value;
    }

    public static nint ComputeStream(void* context)
    {
        nint stream;
        Check(((delegate* unmanaged<void*, nint*, void*>)Table[193])(context, &stream));
        return stream;
    }

    private const int FailCode = 1; // ORT_FAIL

    private static void** Load()
    {
        // The managed wrapper must have loaded the library first: a second copy would have a second function table.
        _ = OrtEnv.Instance();
        var apiBase = GetApiBase();
        var table = apiBase->GetApi(Version);
        return table != null
            ? table
            : throw new NotSupportedException(
                $"ONNX Runtime {Marshal.PtrToStringUTF8((nint)apiBase->GetVersionString())} "
                + $"does not offer version {Version} of its C interface.");
    }

    private static void Check(void* status)
    {
        if (status == null)
        {
            return;
        }
        var message = Marshal.PtrToStringUTF8((nint)((delegate* unmanaged<void*, byte*>)Table[2])(status));
        ((delegate* unmanaged<void*, void>)Table[93])(status);
        throw new InvalidOperationException("ONNX Runtime: " + message);
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text + '\0');

    [DllImport("onnxruntime", EntryPoint = "OrtGetApiBase")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories | DllImportSearchPath.AssemblyDirectory)]
    private static extern ApiBase* GetApiBase();

    [StructLayout(LayoutKind.Sequential)]
    private struct ApiBase
    {
        public delegate* unmanaged<uint, void**> GetApi;
        public delegate* unmanaged<byte*> GetVersionString;
    }
}
