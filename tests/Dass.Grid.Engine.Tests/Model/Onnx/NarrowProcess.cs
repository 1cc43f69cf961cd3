using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Tests.Features;

namespace Dass.Grid.Engine.Tests.Model.Onnx;

/// <summary>Frames, and steps of the tiny model, in a process of its own, where a variable forbids vectors of some width.</summary>
internal static class NarrowProcess
{
    private const int Steps = 3;

    /// <summary>The program: writes how many bits vectors have in hardware, the frames, and the steps in fp32 and in bytes.</summary>
    public static void Main()
    {
        Console.WriteLine(Bits);
        Console.WriteLine(Convert.ToBase64String(MemoryMarshal.AsBytes<float>(Frames())));
        Console.WriteLine(Convert.ToBase64String(MemoryMarshal.AsBytes<float>(Run(GoldenWeights.Tiny))));
        Console.WriteLine(Convert.ToBase64String(MemoryMarshal.AsBytes<float>(Run(GoldenWeights.Tiny.Quantized()))));
    }

    private static int Bits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 1;

    public static async Task<(int Bits, float[] Frames, float[] Exact, float[] InBytes)> StartAsync(string variable, string value)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", typeof(NarrowProcess).Assembly.Location]) { RedirectStandardOutput = true };
        start.Environment[variable] = value;
        using var process = Process.Start(start)!;
        var lines = (await process.StandardOutput.ReadToEndAsync()).Split('\n');
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return (int.Parse(lines[0], null), Floats(lines[1]), Floats(lines[2]), Floats(lines[3]));

        static float[] Floats(string base64) => MemoryMarshal.Cast<byte, float>(Convert.FromBase64String(base64)).ToArray();
    }

    /// <summary>Of a second of babble.</summary>
    public static float[] Frames()
    {
        var config = GoldenWeights.Tiny.Config;
        var (logMel, frames) = (new LogMel(new LogMelTables(config)), new FrameBuffer(config.MelBins));
        logMel.Push(Fixtures.Babble.AsSpan(0, 16_000), frames);
        logMel.Complete(frames);
        return frames.Frames.ToArray();
    }

    /// <summary>Column sums of a few steps with look-ahead, and the state after them.</summary>
    public static float[] Run(DassModel weights, int threads = 1)
    {
        using IStepModel model = new OnnxStepModel(weights, threads: threads);
        using var arena = new StateArena(model.CreateMemory(1));
        var slot = arena.TryRent()!;
        var run = new StreamRun(model, slot);
        for (var step = 0; step < Steps; step++)
        {
            run.Step(StepModelContract.Babble.AsSpan(step * 96 * weights.Config.MelBins), 160, 96);
        }
        return [.. run.Columns, .. slot.Values()];
    }
}
