using System.Runtime.InteropServices;
using Dass.Grid.Engine.Model.Onnx;

namespace Dass.Grid.Engine.Tests.Model.Onnx;

public partial class OnnxRuntimeTelemetryTests
{
    /// <summary>.NET's copy of the environment does not count on Unix: ONNX Runtime asks the process's own.</summary>
    [Fact]
    public void A_model_on_ONNX_Runtime_switches_its_telemetry_off_where_native_code_looks()
    {
        using var model = new OnnxStepModel(GoldenWeights.Tiny);
        var value = OperatingSystem.IsWindows()
            ? Environment.GetEnvironmentVariable("ORT_DISABLE_TELEMETRY")
            : Marshal.PtrToStringUTF8(GetNative("ORT_DISABLE_TELEMETRY"));
        Assert.Equal("1", value);
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint GetNative(string name);
}
