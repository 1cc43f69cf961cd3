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
        using CheckStreams actual = new(card, batch), expected = new(processor, batch);
        double sums = 0, states = 0;
        for (var step = 0; step < steps; step++)
        {
            actual.Fill(100 * step);
            expected.Fill(100 * step);
            card.Step(actual.Requests);
            foreach (var (one, other) in expected.Requests.Zip(actual.Requests))
            {
                processor.Step([one]);
                sums = Math.Max(sums, Largest.Error(one.ColumnSums, other.ColumnSums));
                states = Math.Max(states, Largest.Error(CheckStreams.State(one), CheckStreams.State(other)));
            }
        }
        report.Error($"{name} sums", sums, 2e-5);
        report.Error($"{name} states", states, 2e-5);
    }

    /// <summary>Steps of any length, without look-ahead.</summary>
    public static void Offline(string name, DassModel model, Device device, Report report)
    {
        using IStepModel card = new DeviceStepModel(model, device), processor = new OnnxStepModel(model);
        using CheckStreams actual = new(card, 1), expected = new(processor, 1);
        var error = 0.0;
        foreach (var frames in (ReadOnlySpan<int>)[1024, 333, 32, 7, 1])
        {
            foreach (var (streams, on) in ((CheckStreams, IStepModel)[])[(actual, card), (expected, processor)])
            {
                streams.Requests[0].Slot.Reset();
                streams.Fill(frames, frames, frames);
                on.Step(streams.Requests);
            }
            error = Math.Max(error, Largest.Error(expected.Requests[0].ColumnSums, actual.Requests[0].ColumnSums));
        }
        report.Error($"{name} offline", error, 2e-5);
    }

    /// <summary>What the scores lose by TF32: a little, and not nothing, or the switch does nothing.</summary>
    public static void Tf32(string name, DassModel model, Device device, Report report)
    {
        using IStepModel exact = new DeviceStepModel(model, device), fast = new DeviceStepModel(model, device, StepPrecision.Tf32);
        using CheckStreams expected = new(exact, 1), actual = new(fast, 1);
        for (var step = 0; step < 3; step++)
        {
            expected.Fill(step);
            actual.Fill(step);
            exact.Step(expected.Requests);
            fast.Step(actual.Requests);
        }
        var error = Largest.Error(expected.Requests[0].ColumnSums, actual.Requests[0].ColumnSums);
        report.Error($"{name} TF32 against fp32", error, 2e-2);
        report.Claim($"{name} TF32 is on", error > 1e-5, "its products are not those of fp32");
    }

    /// <summary>
    /// Steps beside the steps of a second model and beside copies of other streams: each on a stream of the device of its own, they put out
    /// what they do alone.
    /// </summary>
    public static void Threads(string name, DassModel model, Device device, Report report, int batch, int steps)
    {
        const int Copied = 2;
        using IStepModel one = new DeviceStepModel(model, device), two = new DeviceStepModel(model, device);
        using CheckStreams streams = new(one, batch + Copied), others = new(two, batch);
        streams.Fill(0);
        others.Fill(0);
        var expected = Run(one, streams.Requests);
        Task<float[]> stepping = Begin(() => Run(one, streams.Requests)), second = Begin(() => Run(two, others.Requests));
        var copying = Begin(Copy);
        Task.WhenAll(stepping, second, copying).GetAwaiter().GetResult();
        report.Error($"{name} steps beside copies", Largest.Error(expected, stepping.Result), 2e-5);
        report.Error($"{name} steps of a second model", Largest.Error(expected, second.Result), 2e-5);
        report.Claim($"{name} copies beside steps", copying.Result.Same, $"{copying.Result.Count} states out, back and cleared");

        float[] Run(IStepModel on, StepRequest[] requests)
        {
            foreach (var request in requests.AsSpan(0, batch))
            {
                request.Slot.Reset();
            }
            for (var step = 0; step < steps; step++)
            {
                on.Step(requests.AsSpan(0, batch));
            }
            return [.. requests.Take(batch).SelectMany(request => (float[])[.. request.ColumnSums, .. CheckStreams.State(request)])];
        }

        (bool Same, int Count) Copy()
        {
            var (written, read) = (new float[one.StateLayout.Length], new float[one.StateLayout.Length]);
            var (same, count) = (true, 0);
            do
            {
                var slot = streams.Requests[batch + count % Copied].Slot;
                written.AsSpan().Fill(++count);
                slot.Write(written);
                slot.Read(read);
                same &= written.AsSpan().SequenceEqual(read);
                slot.Reset();
                slot.Read(read);
                same &= !read.AsSpan().ContainsAnyExcept(0f);
            }
            while (!stepping.IsCompleted || !second.IsCompleted);
            return (same, count);
        }

        static Task<T> Begin<T>(Func<T> run) =>
            Task.Factory.StartNew(run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>More slots than the card's memory holds, and a step beside them.</summary>
    public static void Refusals(DassModel model, Device device, Report report)
    {
        using IStepModel card = new DeviceStepModel(model, device);
        var slots = (int)Math.Min(int.MaxValue, 2 * device.FreeBytes / (card.StateLayout.Length * sizeof(float)));
        using (var large = new CheckStreams(card, 1, slots))
        {
            report.Claim("out of memory", large.Capacity > 0 && large.Capacity < slots, $"{large.Capacity:N0} of {slots:N0} slots");
            large.Fill(1);
            try
            {
                card.Step(large.Requests);
                report.Claim("step beside them", large.Requests[0].Slot.CommittedFrames == 96, "the stream has advanced");
            }
            catch (DeviceMemoryException exception)
            {
                report.Claim("step beside them", large.Requests[0].Slot.CommittedFrames == 0, "refused: " + exception.Message);
            }
        }
        using var after = new CheckStreams(card, 1);
        after.Fill(1);
        card.Step(after.Requests);
        report.Claim("step after them", after.Requests[0].Slot.CommittedFrames == 96, "the stream has advanced");
    }

    /// <summary>One hundred states out and back.</summary>
    public static void Snapshots(DassModel model, Device device, Report report)
    {
        using IStepModel card = new DeviceStepModel(model, device);
        using var streams = new CheckStreams(card, 1);
        var slot = streams.Requests[0].Slot;
        var (written, read) = (new float[slot.Length], new float[slot.Length]);
        var same = true;
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < 100; i++)
        {
            written.AsSpan().Fill(i);
            slot.Write(written);
            slot.Read(read);
            same &= written.AsSpan().SequenceEqual(read);
        }
        var each = Stopwatch.GetElapsedTime(began).TotalMicroseconds / 200;
        report.Claim("100 snapshots", same, $"{written.Length:N0} floats, {each:0} µs a copy");
    }
}
