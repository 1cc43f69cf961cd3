using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Dass.Grid.Engine;
using Dass.Grid.Engine.Model.Onnx.Cuda;

namespace Dass.Grid.DeviceCheck;

/// <summary>
/// Runs the parts of the check, prints each figure as it comes, and keeps all of them as lines, as a table and as JSON. Any thread may
/// call it.
/// </summary>
internal sealed class Report : IDisposable
{
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Lock _gate = new();
    private readonly TextWriter _output;
    private readonly string? _directory;
    private readonly StreamWriter? _log;
    private readonly double _seconds;
    private readonly List<(string Model, string Precision, int Batch, double Milliseconds, double Late, double Streams)> _rates = [];
    private readonly SortedDictionary<string, double> _errors = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, double> _shares = new(StringComparer.Ordinal);
    private readonly List<string> _wrong = [];
    private readonly List<string> _skipped = [];
    private Device? _device;
    private bool _lost;

    /// <param name="output">Gets every line.</param>
    /// <param name="directory">Where lines, JSON and files are kept, each as soon as it is known. Null: nowhere.</param>
    /// <param name="seconds">After which no further part begins.</param>
    public Report(TextWriter output, string? directory, double seconds)
    {
        (_output, _directory, _seconds) = (output, directory, seconds);
        if (directory is not null)
        {
            Directory.CreateDirectory(directory);
            _log = new StreamWriter(Path.Combine(directory, "device-check.log")) { AutoFlush = true };
        }
    }

    private double Seconds => Stopwatch.GetElapsedTime(_began).TotalSeconds;

    /// <summary>Runs a part. What it throws is wrong with it and ends no other part; only a lost device does.</summary>
    public void Part(string name, Action check)
    {
        if (_lost || Seconds > _seconds)
        {
            Line("skipped", $"{name}: {(_lost ? "the device is lost" : "the time is up")}");
            lock (_gate)
            {
                _skipped.Add(name);
            }
            return;
        }
        Try(name, check);
        if (_device is { } device && !_lost)
        {
            Try(name, () => Line("memory", $"{device.FreeBytes >> 20:N0} MiB free after {name}"));
        }
        lock (_gate)
        {
            Save();
        }
    }

    public void Line(string part, string text) =>
        Write(string.Create(CultureInfo.InvariantCulture, $"{Seconds,6:0.0} s  {part,-10} {text}"));

    /// <summary>Keeps a file.</summary>
    public void Keep(string file, string text)
    {
        if (_directory is not null)
        {
            File.WriteAllText(Path.Combine(_directory, file), text);
        }
    }

    /// <summary>The device of all parts from now on.</summary>
    public void On(Device device)
    {
        _device = device;
        Line("device", $"{device.Info.Name}, {device.Info.MemoryBytes >> 20:N0} MiB, {device.FreeBytes >> 20:N0} MiB free");
    }

    /// <summary>A largest error relative to the largest reference value, and what it may be.</summary>
    public void Error(string what, double error, double allowed)
    {
        lock (_gate)
        {
            _errors[what] = error;
        }
        Claim(what, error <= allowed, $"error {error:e1}, allowed {allowed:e0}");
    }

    /// <summary>Something that holds or does not.</summary>
    public void Claim(string what, bool holds, string text)
    {
        Line(holds ? "right" : "WRONG", $"{what}: {text}");
        if (!holds)
        {
            lock (_gate)
            {
                _wrong.Add(what);
            }
        }
    }

    public void Rate(string model, string precision, int batch, double median, double late)
    {
        var streams = batch * 0.96 / median;
        lock (_gate)
        {
            _rates.Add((model, precision, batch, 1000 * median, 1000 * late, streams));
        }
        Line("rate", $"{model} {precision} batch {batch}: p50 {1000 * median:0.00} ms, p99 {1000 * late:0.00} ms, {streams:N0} streams");
    }

    public void Share(string model, string kernel, double share)
    {
        lock (_gate)
        {
            _shares[$"{model} {kernel}"] = share;
        }
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
        lock (_gate)
        {
            Write("");
            Write("| model | precision | batch | p50 ms | p99 ms | streams in real time |");
            Write("| --- | --- | --- | --- | --- | --- |");
            foreach (var (model, precision, batch, milliseconds, late, streams) in _rates)
            {
                Write(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {model} | {precision} | {batch} | {milliseconds:0.00} | {late:0.00} | {streams:N0} |"));
            }
            Write(Save());
            Write(_wrong.Count == 0 ? $"All right, {_skipped.Count} parts skipped." : $"WRONG: {string.Join(", ", _wrong.Distinct())}.");
            return _wrong.Count == 0 ? 0 : 1;
        }
    }

    public void Dispose() => _log?.Dispose();

    private void Try(string name, Action check)
    {
        try
        {
            check();
        }
        catch (Exception exception)
        {
            _lost |= exception is DeviceLostException;
            Claim(name, false, exception.ToString());
        }
    }

    private void Write(string text)
    {
        lock (_gate)
        {
            _output.WriteLine(text);
            _log?.WriteLine(text);
        }
    }

    private string Save()
    {
        var json = JsonSerializer.Serialize(new
        {
            device = _device?.Info.Name,
            memory_bytes = _device?.Info.MemoryBytes,
            seconds = Seconds,
            wrong = _wrong,
            skipped = _skipped,
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
        Keep("device-check.json", json);
        return json;
    }
}
