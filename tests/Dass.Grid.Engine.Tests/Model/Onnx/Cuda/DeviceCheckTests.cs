using Dass.Grid.DeviceCheck;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

/// <summary>The parts of the check of a card, on devices that need none: time on a card is short.</summary>
public class DeviceCheckTests
{
    [Fact]
    public void All_parts_are_right_and_give_all_memory_back()
    {
        var device = new FailingDevice { MemoryBytes = 64L << 20 };
        AssertAllRight(device, LawModels.Plain, () => Assert.Equal(0, device.Held));
    }

    [Fact]
    public void A_part_that_fails_is_told_and_the_others_go_on()
    {
        var device = new FailingDevice();
        var (output, ran) = (new StringWriter(), 0);
        var folder = Directory.CreateTempSubdirectory("dass-device-check-").FullName;
        using (var report = new Report(output, folder, seconds: 600))
        {
            report.On(device);
            report.Part("first", () => throw new InvalidOperationException("refused on purpose"));
            report.Part("second", () => ran++);
            Assert.Contains("first", File.ReadAllText(Path.Combine(folder, "device-check.json")));
            report.Part("third", () =>
            {
                device.Lose();
                device.Synchronize(0);
            });
            report.Part("fourth", () => ran++);
            Assert.Equal(1, ran);
            Assert.Equal(1, report.End("timeout", "it hangs"));
            Assert.Contains(
                "\"wrong\":[\"first\",\"third\",\"timeout\"],\"skipped\":[\"fourth\"]",
                File.ReadAllText(Path.Combine(folder, "device-check.json")));
        }
        Assert.Contains("refused on purpose", output.ToString());
        Assert.Contains("fourth: the device is lost", output.ToString());
        Assert.Equal(output.ToString(), File.ReadAllText(Path.Combine(folder, "device-check.log")));
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Kernels_put_out_the_same_with_any_number_of_threads(int laneBits)
    {
        using var device = new ThreadedDevice(laneBits);
        var output = new StringWriter();
        using var report = new Report(output, directory: null, seconds: 600);
        foreach (var (name, run) in KernelParts.All(device, report))
        {
            report.Part(name, run);
        }
        Assert.True(report.End() == 0, output.ToString());
    }

    /// <summary>Runs the parts that a card gets, and something after each.</summary>
    internal static void AssertAllRight(Device device, DassModel model, Action check)
    {
        var output = new StringWriter();
        using var report = new Report(output, directory: null, seconds: 600);
        report.On(device);
        var parts = Checks.Right("law", model, device, report)
            .Concat(Checks.Rates("law", () => model, device, report, seconds: 0.1, maxBatch: 2, stepsBeside: 2))
            .Append(("refusals", () => ModelParts.Refusals(model, device, report)));
        foreach (var (name, run) in parts)
        {
            report.Part(name, run);
            check();
        }
        Assert.True(report.End() == 0, output.ToString());
    }

    /// <summary>Kernels by two threads at a time, which share a row or take rows of their own.</summary>
    private sealed class ThreadedDevice(int laneBits) : EmulatedDevice, IDisposable
    {
        private readonly Emulator _emulator = new(threads: 2);

        public override int LaneBits(int length, bool together = false) => together || length > 1 ? laneBits : 0;

        public override void Launch<TArguments>(
            DeviceKernel<TArguments> kernel, TArguments arguments, long rows, int bits, nint stream) =>
            _emulator.Run(kernel, arguments, groups: laneBits == 0 ? 3 : 2, groupSize: 2);

        public void Dispose() => _emulator.Dispose();
    }
}
