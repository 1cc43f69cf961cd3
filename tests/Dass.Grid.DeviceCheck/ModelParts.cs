using System.Diagnostics;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;
using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.DeviceCheck;

/// <summary>Whole steps on the card against those of the processor.</summary>
internal static class ModelParts
{
    /// <summary>Streams in one batch on the card and alone on the processor: sums and states.</summary>
    public static void Parity(string name, DassModel model, Device device, Report report, int batch, int steps)
    {
        using IStepModel card = new DeviceStepModel(model, device), processor = new OnnxStepModel(model);
        using StateArena arena = new(card.CreateMemory(batch)), host = new(processor.CreateMemory(batch));
        StepRequest[] actual = Requests(arena, model, batch), expected = Requests(host, model, batch);
        double sums = 0, states = 0;
        for (var step = 0; step < steps; step++)
        {
            for (var i = 0; i < batch; i++)
            {
                Fill(actual[i], 160, 96, 100 * step + i);
                Fill(expected[i], 160, 96, 100 * step + i);
                processor.Step([expected[i]]);
            }
            card.Step(actual);
            for (var i = 0; i < batch; i++)
            {
                sums = Math.Max(sums, Largest.Error(expected[i].ColumnSums, actual[i].ColumnSums));
                states = Math.Max(states, Largest.Error(State(expected[i]), State(actual[i])));
            }
        }
        report.Error($"{name} sums", sums, 2e-5);
        report.Error($"{name} states", states, 2e-5);
    }

    /// <summary>Steps of any length, without look-ahead.</summary>
    public static void Offline(DassModel model, Device device, Report report)
    {
        using IStepModel card = new DeviceStepModel(model, device), processor = new OnnxStepModel(model);
        using StateArena arena = new(card.CreateMemory(1)), host = new(processor.CreateMemory(1));
        StepRequest actual = Requests(arena, model, 1)[0], expected = Requests(host, model, 1)[0];
        var error = 0.0;
        foreach (var frames in (ReadOnlySpan<int>)[1024, 333, 32, 7, 1])
        {
            foreach (var (request, on) in ((StepRequest, IStepModel)[])[(actual, card), (expected, processor)])
            {
                request.Slot.Reset();
                Fill(request, frames, frames, frames);
                on.Step([request]);
            }
            error = Math.Max(error, Largest.Error(expected.ColumnSums, actual.ColumnSums));
        }
        report.Error("tiny offline", error, 2e-5);
    }

    /// <summary>What the scores lose by TF32.</summary>
    public static void Tf32(string name, DassModel model, Device device, Report report)
    {
        using IStepModel exact = new DeviceStepModel(model, device), fast = new DeviceStepModel(model, device, StepPrecision.Tf32);
        using StateArena arena = new(exact.CreateMemory(1)), other = new(fast.CreateMemory(1));
        StepRequest expected = Requests(arena, model, 1)[0], actual = Requests(other, model, 1)[0];
        for (var step = 0; step < 3; step++)
        {
            Fill(expected, 160, 96, step);
            Fill(actual, 160, 96, step);
            exact.Step([expected]);
            fast.Step([actual]);
        }
        report.Error($"{name} TF32 against fp32", Largest.Error(expected.ColumnSums, actual.ColumnSums), 2e-2);
    }

    /// <summary>More slots than the card's memory holds, and streams of another arena.</summary>
    public static void Refusals(DassModel model, Device device, Report report)
    {
        using IStepModel card = new DeviceStepModel(model, device);
        var slots = (int)Math.Min(int.MaxValue, 2 * device.FreeBytes / (card.StateLayout.Length * sizeof(float)));
        using (var large = new StateArena(card.CreateMemory(slots)))
        {
            report.Claim("out of memory", large.Capacity > 0 && large.Capacity < slots, $"{large.Capacity:N0} of {slots:N0} slots");
            var request = Requests(large, model, 1)[0];
            Fill(request, 160, 96, 1);
            try
            {
                card.Step([request]);
                report.Claim("step beside them", request.Slot.CommittedFrames == 96, "the stream has advanced");
            }
            catch (DeviceMemoryException exception)
            {
                report.Claim("step beside them", request.Slot.CommittedFrames == 0, "refused: " + exception.Message);
            }
        }
        using var arena = new StateArena(card.CreateMemory(1));
        var after = Requests(arena, model, 1)[0];
        Fill(after, 160, 96, 1);
        card.Step([after]);
        report.Claim("step after them", after.Slot.CommittedFrames == 96, "the stream has advanced");
    }

    /// <summary>One hundred states out and back.</summary>
    public static void Snapshots(DassModel model, Device device, Report report)
    {
        using IStepModel card = new DeviceStepModel(model, device);
        using var arena = new StateArena(card.CreateMemory(1));
        var request = Requests(arena, model, 1)[0];
        var (written, read) = (new float[request.Slot.Length], new float[request.Slot.Length]);
        var same = true;
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < 100; i++)
        {
            written.AsSpan().Fill(i);
            request.Slot.Write(written);
            request.Slot.Read(read);
            same &= written.AsSpan().SequenceEqual(read);
        }
        var each = Stopwatch.GetElapsedTime(began).TotalMicroseconds / 200;
        report.Claim("100 snapshots", same, $"{written.Length:N0} floats, {each:0} µs a copy");
    }

    public static StepRequest[] Requests(StateArena arena, DassModel model, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => new StepRequest(arena.TryRent()!, model.Config))];

    public static void Fill(StepRequest request, int frames, int committed, int seed)
    {
        request.Shape(frames, committed);
        var random = new Random(seed);
        foreach (ref var value in request.Features)
        {
            value = 2 * random.NextSingle() - 1;
        }
    }

    private static float[] State(StepRequest request)
    {
        var state = new float[request.Slot.Length];
        request.Slot.Read(state);
        return state;
    }
}
