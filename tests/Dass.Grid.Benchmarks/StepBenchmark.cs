using System.Diagnostics;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Model.Onnx;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// A step of DASS-small on one core: streams in real time in fp32, with the share of the core's multiply-add peak in the same seconds, and
/// with products of bytes, in turns with fp32.
/// </summary>
internal static class StepBenchmark
{
    public static IEnumerable<Figure> Run(int repetitions)
    {
        using var small = new BenchmarkModel();
        using IStepModel model = new OnnxStepModel(small.Load());
        using IStepModel quantized = new OnnxStepModel(model.Model.Quantized());
        (int, int, int)[] shapes = [(96, 0, 1), (96, 0, 4), (96, 0, 8), (96, 64, 1), (96, 64, 4), (96, 64, 8)];
        foreach (var (committed, lookAhead, batch) in shapes)
        {
            using var arena = new StateArena(model.CreateMemory(batch));
            using var quantizedArena = new StateArena(quantized.CreateMemory(batch));
            var requests = Enumerable.Range(0, batch).Select(_ => Request(arena, model.Model.Config, committed, lookAhead)).ToArray();
            var quantizedRequests = Enumerable.Range(0, batch)
                .Select(_ => Request(quantizedArena, model.Model.Config, committed, lookAhead)).ToArray();
            var (share, ratio) = (new List<double>(), new List<double>());
            var seconds = new List<double>();
            var work = 2 * batch * DassWork.MultiplyAdds(model.Model.Config, committed + lookAhead);
            for (var i = -2; i < repetitions; i++)
            {
                var before = FmaPeak.Measure();
                var start = Stopwatch.GetTimestamp();
                model.Step(requests);
                var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
                start = Stopwatch.GetTimestamp();
                quantized.Step(quantizedRequests);
                var inBytes = Stopwatch.GetElapsedTime(start).TotalSeconds;
                var peak = (before + FmaPeak.Measure()) / 2;
                if (i >= 0)
                {
                    seconds.Add(elapsed);
                    ratio.Add(elapsed / inBytes);
                    share.Add(work / elapsed / 1e9 / peak);
                }
            }
            var name = $"step {committed / 100.0:0.00} s + {lookAhead / 100.0:0.00} s, batch {batch}";
            var streams = batch * committed / 100.0 / seconds.Median();
            yield return new Figure(name, $"{streams:0} streams", $"{share.Median():0 %} of the multiply-add peak", streams);
            streams *= ratio.Median();
            yield return new Figure($"{name}, int8", $"{streams:0} streams", $"{ratio.Median():0.00} times as many as in fp32", streams);
        }
    }

    public static StepRequest Request(StateArena arena, DassConfig config, int committed, int lookAhead)
    {
        var request = new StepRequest(arena.TryRent()!, config);
        request.Shape(committed + lookAhead, committed);
        var random = new Random(7);
        foreach (ref var value in request.Features)
        {
            value = random.NextSingle() * 2 - 1;
        }
        return request;
    }
}
