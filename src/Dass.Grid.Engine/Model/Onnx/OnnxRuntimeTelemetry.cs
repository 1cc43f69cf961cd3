using System.Runtime.InteropServices;

namespace Dass.Grid.Engine.Model.Onnx;

/// <summary>Keeps ONNX Runtime from reporting its use to its maker. It reads the variable once, when its library is loaded.</summary>
internal static partial class OnnxRuntimeTelemetry
{
    private const string Variable = "ORT_DISABLE_TELEMETRY";

    public static void Disable()
    {
        Environment.SetEnvironmentVariable(Variable, "1");
        if (!OperatingSystem.IsWindows())
        {
            // On Unix, .NET keeps its own copy of the environment; native code reads the process's.
            _ = SetNative(Variable, "1", overwrite: 1);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNative(string name, string value, int overwrite);
}
