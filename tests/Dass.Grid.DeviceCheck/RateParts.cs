using System.Diagnostics;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.DeviceCheck;

/// <summary>How many streams of 0.96 s + 0.64 s the card carries in real time, and where its time goes.</summary>
internal static class RateParts
{
    /// <summary>Batches of 1, 2, 4 … streams until the time or the memory is used up.</summary>
    public static void Measure(
        string name, DassModel model, Device device, StepPrecision precision, Report report, double seconds, int maxBatch = 1024)
    {
        using IStepModel card = new DeviceStepModel(model, device, precision);
        using var arena = new StateArena(card.CreateMemory(maxBatch));
        var requests = ModelParts.Requests(arena, model, Math.Min(maxBatch, arena.Capacity));
        foreach (var request in requests)
        {
            ModelParts.Fill(request, 160, 96, request.Slot.Index);
        }
        var ends = Stopwatch.GetTimestamp() + (long)(seconds * Stopwatch.Frequency);
        for (var batch = 1; batch <= requests.Length && Stopwatch.GetTimestamp() < ends; batch *= 2)
        {
            try
            {
                var times = new List<double>();
                var until = Stopwatch.GetTimestamp() + (long)(seconds / 12 * Stopwatch.Frequency);
                for (var i = -2; i < 5 || (i < 200 && Stopwatch.GetTimestamp() < until); i++)
                {
                    var began = Stopwatch.GetTimestamp();
                    card.Step(requests.AsSpan(0, batch));
                    if (i >= 0)
                    {
                        times.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
                    }
                }
                times.Sort();
                report.Rate(name, $"{precision}", batch, times[times.Count / 2], times[(int)(0.99 * (times.Count - 1))]);
            }
            catch (DeviceMemoryException exception)
            {
                report.Line("rate", $"{name} {precision} batch {batch}: {exception.Message}");
                return;
            }
        }
    }

    /// <summary>Each launch waits for itself, so the sum is more than a step takes; the shares tell where to look.</summary>
    public static void Shares(string name, DassModel model, CudaDevice device, Report report, int batch = 256)
    {
        using IStepModel card = new DeviceStepModel(model, device);
        using var arena = new StateArena(card.CreateMemory(batch));
        var requests = ModelParts.Requests(arena, model, Math.Min(batch, arena.Capacity));
        foreach (var request in requests)
        {
            ModelParts.Fill(request, 160, 96, request.Slot.Index);
        }
        card.Step(requests);
        device.Profile = [];
        for (var i = 0; i < 3; i++)
        {
            card.Step(requests);
        }
        var (profile, all) = (device.Profile, device.Profile.Values.Sum());
        device.Profile = null;
        foreach (var (kernel, time) in profile.OrderByDescending(entry => entry.Value))
        {
            report.Share($"{name} batch {batch}", kernel, time / all);
        }
    }
}
