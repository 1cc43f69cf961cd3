using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

/// <summary>ONNX Runtime's real CUDA provider on the fake CUDA of <c>tests/cuda</c>.</summary>
[Collection(nameof(FakeCuda))]
public class FakeCudaTests
{
    [FakeCudaFact]
    public void Only_features_and_sums_cross_the_bus_and_only_our_kernels_and_exact_products_run()
    {
        FakeCuda.Load();
        const int Streams = 2, Frames = 160, Committed = 96;
        using var model = OnnxDevices.Create(LawModels.Plain, OnnxDevice.Cuda, 0, StepPrecision.Fp32);
        using IStepModel reference = new ReferenceStepModel(LawModels.Plain);
        using StateArena arena = new(model.CreateMemory(8)), host = new(reference.StateLayout, 8);
        var (actual, expected) = (Runs(model, arena), Runs(reference, host));
        for (var step = 0; step < 3; step++)
        {
            for (var i = 0; i < Streams; i++)
            {
                var audio = LawModels.Features(10 * step + i, Frames);
                actual[i].Prepare(audio, Frames, Committed);
                expected[i].Prepare(audio, Frames, Committed);
                reference.Step([expected[i].Request]);
            }
            Count();
            model.Step([.. actual.Select(run => run.Request)]);
            var (copies, foreign, name) = FakeCuda.CountRuntime();
            var (products, tf32, streamOfProducts) = FakeCuda.CountProducts();
            var (kernels, bytesIn, bytesOut, stream) = FakeCuda.CountDriver();
            Assert.True((copies, foreign, tf32) == (0, 0, 0), $"{copies} copies, {foreign} foreign kernels ({name}), {tf32} in TF32");
            Assert.Equal(5 * 5 + 5, products); // five blocks and five convolutions
            Assert.True(kernels > 50, $"{kernels} kernels");
            Assert.True(stream is not 0 and not FakeCuda.Mixed, $"stream {stream}"); // the model's: its copies are on it
            Assert.Equal(stream, streamOfProducts);
            var table = step == 0 ? model.StateLayout.Tensors.Length + 1 : 0; // where the tensors lie in a slot, once
            Assert.Equal((Streams * (Frames * LawModels.Config.MelBins + 2) + table) * sizeof(float), bytesIn);
            Assert.Equal(Streams * DassConfig.ColumnsOf(Frames) * LawModels.Config.Dims[^1] * sizeof(float), bytesOut);
            for (var i = 0; i < Streams; i++)
            {
                Golden.AssertClose(expected[i].Request.ColumnSums, actual[i].Request.ColumnSums, 1e-5);
                Golden.AssertClose(expected[i].Request.Slot.Values(), actual[i].Request.Slot.Values(), 1e-5);
            }
        }

        // The counter counts: TF32 where it is asked for.
        using var fast = OnnxDevices.Create(LawModels.Plain, OnnxDevice.Cuda, 0, StepPrecision.Tf32);
        using var fastArena = new StateArena(fast.CreateMemory(1));
        var run = new StreamRun(fast, fastArena.TryRent()!);
        Count();
        run.Step(LawModels.Features(1, 64), 64, 64);
        var (all, inTf32, itsStream) = FakeCuda.CountProducts();
        Assert.Equal((30, 30), (all, inTf32));
        Assert.Equal(FakeCuda.CountDriver().Stream, itsStream);

        static StreamRun[] Runs(IStepModel model, StateArena arena) =>
            [.. Enumerable.Range(0, Streams).Select(_ => new StreamRun(model, arena.TryRent()!))];

        static void Count()
        {
            FakeCuda.CountRuntime();
            FakeCuda.CountProducts();
            FakeCuda.CountDriver();
        }
    }

    [FakeCudaFact]
    public void The_drivers_errors_become_ours()
    {
        FakeCuda.Load();
        using var model = OnnxDevices.Create(LawModels.Plain, OnnxDevice.Cuda, 0, StepPrecision.Fp32);
        Assert.Equal("fake CUDA", model.DeviceInfo.Name);
        using var arena = new StateArena(model.CreateMemory(4));
        var run = new StreamRun(model, arena.TryRent()!);
        var audio = LawModels.Features(1, 64);
        run.Step(audio, 64, 64);
        var before = run.Request.Slot.Values();
        try
        {
            FakeCuda.FailProducts(3); // CUBLAS_STATUS_ALLOC_FAILED
            run.Prepare(audio, 64, 64);
            Assert.Throws<DeviceMemoryException>(() => model.Step([run.Request]));
            FakeCuda.FailProducts(0);
            FakeCuda.LeaveMemory(0);
            Assert.Throws<DeviceMemoryException>(() => model.CreateMemory(4));
            FakeCuda.LeaveMemory(1L << 30);
            FakeCuda.Fail(700); // CUDA_ERROR_ILLEGAL_ADDRESS
            run.Prepare(audio, 64, 64);
            Assert.Contains("(700)", Assert.Throws<DeviceLostException>(() => model.Step([run.Request])).Message);
            Assert.Throws<DeviceLostException>(() => run.Request.Slot.Values());
        }
        finally
        {
            FakeCuda.FailProducts(0);
            FakeCuda.Fail(0);
            FakeCuda.LeaveMemory(70L << 30);
        }
        Assert.Equal(before, run.Request.Slot.Values());
    }

    [FakeCudaFact]
    public void A_kernel_that_the_driver_rejects_does_not_hide_the_others()
    {
        FakeCuda.Load();
        Assert.Empty(CudaDevice.OpenPartly(0).Device!.Rejected);
        using var compiler = new PtxCompiler();
        var good = compiler.Compile(DeviceKernels.Norm);
        var (functions, rejected) = CudaDevice.Load([(DeviceKernels.Gelu, ("not PTX", good.Entry)), (DeviceKernels.Norm, good)]);
        Assert.Equal([DeviceKernels.Norm], functions.Keys);
        var (kernel, text) = Assert.Single(rejected);
        Assert.Equal(DeviceKernels.Gelu, kernel);
        Assert.Contains("Gelu (it is not for sm_80)", text);
    }

    [FakeCudaFact]
    public void The_check_of_a_card_finds_all_right_and_gives_all_memory_back()
    {
        FakeCuda.Load();
        var device = CudaDevice.Open(0).Device!;
        var held = FakeCuda.Held();
        DeviceCheckTests.AssertAllRight(device, LawModels.Plain, () => Assert.Equal(held, FakeCuda.Held()));
    }
}
