using System.Runtime.InteropServices;

namespace Dass.Grid.Host;

/// <summary>ONNX Runtime reports home unless it is told not to before it loads.</summary>
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
