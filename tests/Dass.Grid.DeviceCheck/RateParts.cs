using System.Diagnostics;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.DeviceCheck;

/// <summary>How many streams of 0.96 s + 0.64 s the card carries in real time, and where its time goes.</summary>
internal static class RateParts
{
    /// <summary>
    /// Batches of 1, 2, 4 … streams until the time or the memory is used up; the largest must put out what single streams do.
    /// </summary>
    public static void Measure(
        string name, DassModel model, Device device, StepPrecision precision, Report report, double seconds, int maxBatch)
    {
        using IStepModel card = new DeviceStepModel(model, device, precision);
        using var streams = new CheckStreams(card, maxBatch);
        streams.Fill(0);
        var ends = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        var largest = 0;
        try
        {
            for (var batch = 1; batch <= streams.Requests.Length && Stopwatch.GetTimestamp() < ends; batch *= 2)
            {
                var times = Times(card, streams.Requests.AsSpan(0, batch), seconds / 12);
                report.Rate(name, $"{precision}", batch, times[times.Count / 2], times[(int)(0.99 * (times.Count - 1))]);
                largest = batch;
            }
        }
        catch (DeviceMemoryException exception)
        {
            report.Line("rate", $"{name} {precision} beyond batch {largest}: {exception.Message}");
        }
        if (largest > 0)
        {
            report.Error(
                $"{name} {precision} batch {largest} against single streams",
                ErrorOfBatch(card, streams.Requests.AsSpan(0, largest)),
                precision == StepPrecision.Fp32 ? 2e-5 : 2e-2);
        }
    }

    /// <summary>Each launch waits for itself, so the sum is more than a step takes; the shares tell where to look.</summary>
    public static void Shares(string name, DassModel model, CudaDevice device, Report report, int batch)
    {
        using IStepModel card = new DeviceStepModel(model, device);
        using var streams = new CheckStreams(card, batch);
        streams.Fill(0);
        card.Step(streams.Requests);
        try
        {
            device.Profile = [];
            for (var i = 0; i < 3; i++)
            {
                card.Step(streams.Requests);
            }
            var all = device.Profile.Values.Sum();
            foreach (var (kernel, time) in device.Profile.OrderByDescending(entry => entry.Value))
            {
                report.Share($"{name} batch {batch}", kernel, time / all);
            }
        }
        finally
        {
            device.Profile = null;
        }
    }

    private static List<double> Times(IStepModel card, ReadOnlySpan<StepRequest> batch, double seconds)
    {
        var times = new List<double>();
        var until = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        for (var i = -2; i < 5 || (i < 200 && Stopwatch.GetTimestamp() < until); i++)
        {
            var began = Stopwatch.GetTimestamp();
            card.Step(batch);
            if (i >= 0)
            {
                times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            }
        }
        times.Sort();
        return times;
    }

    // Three of its streams step once more, each alone: another shape, other kernels of cuBLAS, no numbers beyond 32 bits.
    private static double ErrorOfBatch(IStepModel card, ReadOnlySpan<StepRequest> batch)
    {
        foreach (var request in batch)
        {
            request.Slot.Reset();
        }
        card.Step(batch);
        var error = 0.0;
        foreach (var request in (ReadOnlySpan<StepRequest>)[batch[0], batch[batch.Length / 2], batch[^1]])
        {
            var (sums, state) = (request.ColumnSums.ToArray(), CheckStreams.State(request));
            request.Slot.Reset();
            card.Step([request]);
            error = Math.Max(error, Largest.Error(request.ColumnSums, sums));
            error = Math.Max(error, Largest.Error(CheckStreams.State(request), state));
        }
        return error;
    }
}
