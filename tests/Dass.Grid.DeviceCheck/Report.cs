using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.DeviceCheck;

/// <summary>Prints each figure as it comes, and all of them at the end as a table and as JSON.</summary>
internal sealed class Report(string? directory)
{
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly List<(string Model, string Precision, int Batch, double Milliseconds, double Late, double Streams)> _rates = [];
    private readonly SortedDictionary<string, double> _errors = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, double> _shares = new(StringComparer.Ordinal);
    private readonly List<string> _wrong = [];
    private DeviceInfo? _device;

    public void Line(string part, string text) => Console.WriteLine(
        string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_began).TotalSeconds,6:0.0} s  {part,-10} {text}"));

    public void Device(DeviceInfo device, long free)
    {
        _device = device;
        Line("device", $"{device.Name}, {device.MemoryBytes >> 20:N0} MiB, {free >> 20:N0} MiB free");
    }

    /// <summary>A largest error relative to the largest reference value, and what it may be.</summary>
    public void Error(string what, double error, double allowed)
    {
        _errors[what] = error;
        Claim(what, error <= allowed, $"error {error:e1}, allowed {allowed:e0}");
    }

    /// <summary>Something that holds or does not.</summary>
    public void Claim(string what, bool holds, string text)
    {
        Line(holds ? "right" : "WRONG", $"{what}: {text}");
        if (!holds)
        {
            _wrong.Add(what);
        }
    }

    public void Rate(string model, string precision, int batch, double median, double late)
    {
        var streams = batch * 0.96 / median;
        _rates.Add((model, precision, batch, 1000 * median, 1000 * late, streams));
        Line("rate", $"{model} {precision} batch {batch}: p50 {1000 * median:0.00} ms, p99 {1000 * late:0.00} ms, {streams:N0} streams");
    }

    public void Share(string model, string kernel, double share)
    {
        _shares[$"{model} {kernel}"] = share;
        Line("share", $"{model} {kernel}: {share:0.0 %}");
    }

    /// <param name="part">What ended the check; null: it ran to its end.</param>
    /// <param name="reason">Why.</param>
    /// <returns>The program's exit code.</returns>
    public int End(string? part = null, string? reason = null)
    {
        if (part is not null)
        {
            Claim(part, false, reason!);
        }
        Console.WriteLine();
        Console.WriteLine("| model | precision | batch | p50 ms | p99 ms | streams in real time |");
        Console.WriteLine("| --- | --- | --- | --- | --- | --- |");
        foreach (var rate in _rates)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {rate.Model} | {rate.Precision} | {rate.Batch} | {rate.Milliseconds:0.00} | {rate.Late:0.00} | {rate.Streams:N0} |"));
        }
        var json = JsonSerializer.Serialize(new
        {
            device = _device?.Name,
            memory_bytes = _device?.MemoryBytes,
            seconds = Stopwatch.GetElapsedTime(_began).TotalSeconds,
            wrong = _wrong,
            streams_real_time = _rates.GroupBy(rate => $"{rate.Model} {rate.Precision}").ToDictionary(
                group => group.Key, group => Math.Floor(group.Max(rate => rate.Streams))),
            parity = _errors,
            shares = _shares,
            rates = _rates.Select(rate => new
            {
                model = rate.Model,
                precision = rate.Precision,
                batch = rate.Batch,
                p50_ms = rate.Milliseconds,
                p99_ms = rate.Late,
            }),
        });
        Console.WriteLine(json);
        if (directory is not null)
        {
            Directory.CreateDirectory(directory);
            File.WriteAllText(Path.Combine(directory, "device-check.json"), json);
        }
        Console.WriteLine(_wrong.Count == 0 ? "All right." : $"WRONG: {string.Join(", ", _wrong)}.");
        return _wrong.Count == 0 ? 0 : 1;
    }
}
