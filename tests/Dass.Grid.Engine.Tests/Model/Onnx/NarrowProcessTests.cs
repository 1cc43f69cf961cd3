using Dass.Grid.Engine.Model;
using Xunit.Abstractions;

namespace Dass.Grid.Engine.Tests.Model.Onnx;

/// <summary>A stream that goes on where vectors are narrower, on another machine, goes on as it was.</summary>
public sealed class NarrowProcessTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Threads_that_share_a_step_compute_what_one_does_to_the_bit(bool quantized)
    {
        var weights = quantized ? DassModel.LoadBuiltIn().Quantized() : DassModel.LoadBuiltIn();
        Assert.Equal(NarrowProcess.Run(weights), NarrowProcess.Run(weights, threads: 4));
    }

    [Theory]
    [InlineData("DOTNET_EnableAVX512", "0", 256)]
    [InlineData("DOTNET_EnableAVX", "0", 128)]
    [InlineData("DASS_SIMD", "1", 512)]
    public async Task Steps_of_a_process_with_narrower_vectors_are_near(string variable, string value, int mostBits)
    {
        var narrow = await NarrowProcess.StartAsync(variable, value);
        Assert.InRange(narrow.Bits, 1, mostBits);
        // But for the last bit of the logarithm they are equal.
        Assert.All(NarrowProcess.Frames().Zip(narrow.Frames), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
        var exact = NarrowProcess.Run(GoldenWeights.Tiny);
        Golden.AssertClose(exact, narrow.Exact, 1e-5);

        // A difference in the last bit makes an activation the next byte, and later ones follow: widths round differently, as bytes do.
        var inBytes = NarrowProcess.Run(GoldenWeights.Tiny.Quantized());
        var bytes = QuantizedStepModelTests.RelativeError(exact, inBytes);
        var error = QuantizedStepModelTests.RelativeError(inBytes, narrow.InBytes);
        output.WriteLine($"{variable}={value}: relative error in bytes {error:e1}, of bytes {bytes:e1}");
        Assert.InRange(error, 0, bytes);
        Assert.InRange(QuantizedStepModelTests.RelativeError(exact, narrow.InBytes), 0, 1.2 * bytes);
    }
}
