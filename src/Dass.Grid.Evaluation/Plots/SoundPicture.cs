using System.Buffers;
using System.Globalization;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Features;
using Dass.Grid.Engine.Model;
using ScottPlot;

namespace Dass.Grid.Evaluation.Plots;

/// <summary>One event in a picture.</summary>
/// <param name="Label">Name of its lane.</param>
/// <param name="OnsetSeconds">Begin.</param>
/// <param name="OffsetSeconds">End.</param>
public readonly record struct PlottedEvent(string Label, double OnsetSeconds, double OffsetSeconds);

/// <summary>
/// The spectrogram of audio of any length with its events below it, as a picture (PNG): log-mel as a model hears it, 20 Hz to 8 kHz. Its
/// size does not grow with the audio. Not thread-safe.
/// </summary>
public sealed class SoundPicture
{
    private const int Bins = 128;
    private const int MaxColumns = 2_000;
    private const int MaxLanes = 16;
    private const int Width = 1400; // pixels
    private const int SpectrumHeight = 420; // pixels
    private const int LaneHeight = 26; // pixels
    private const int Frame = 130; // pixels: title and axis
    private const float FloorDb = -90;
    private const float CeilingDb = -10;
    private const float FullScaleDb = 40; // of a sine at full scale, as Spectrogram has it

    /// <summary>Of the features, not of a network.</summary>
    private static readonly LogMelTables Tables = new(new DassConfig { Dims = [], Depths = [], LabelCount = 0, MelBins = Bins });

    private readonly AudioIntake _intake;
    private readonly LogMel _filters = new(Tables);
    private readonly FrameBuffer _frames = new(Bins);
    private readonly ArrayBufferWriter<float> _samples = new();
    private readonly List<float[]> _columns = [];
    private float[]? _open; // the column that is not complete
    private int _framesOfOpen;
    private int _framesOfColumn = 1;
    private long _count; // of samples

    /// <exception cref="Engine.AudioFormatException">The format breaks a rule.</exception>
    public SoundPicture(AudioFormat format) => _intake = new AudioIntake(format);

    /// <summary>Takes in whole frames of audio.</summary>
    /// <exception cref="Engine.AudioFormatException">A torn frame, or a sample that is not finite.</exception>
    public void Add(ReadOnlySpan<byte> audio)
    {
        _intake.Push(audio, _samples);
        Take();
    }

    /// <summary>Writes the picture. Nothing can be added then.</summary>
    public void Save(string path, string title, IReadOnlyList<PlottedEvent> events)
    {
        _intake.Flush(_samples);
        Take();
        if (_open is not null)
        {
            _columns.Add(_open);
        }
        var seconds = Math.Max((double)_count / FrameRate.SampleRateHz, FrameRate.HopSeconds);
        var lanes = events.GroupBy(sound => sound.Label).OrderBy(lane => lane.Min(sound => sound.OnsetSeconds)).ToArray();
        var shown = lanes.Length > MaxLanes
            ? [.. lanes.OrderByDescending(Total).Take(MaxLanes).OrderBy(lane => lane.Min(sound => sound.OnsetSeconds))] : lanes;
        var height = Bins * LaneHeight / (double)SpectrumHeight; // of a lane, in bins

        var plot = new Plot();
        Draw(plot, seconds);
        var ticks = new ScottPlot.TickGenerators.NumericManual();
        foreach (var hertz in (int[])[100, 250, 500, 1_000, 2_000, 4_000])
        {
            ticks.AddMajor(BinOf(hertz), hertz < 1_000 ? $"{hertz} Hz" : $"{hertz / 1_000} kHz");
        }
        var palette = new ScottPlot.Palettes.Category10();
        for (var lane = 0; lane < shown.Length; lane++)
        {
            var (top, bottom) = (-height * (lane + 0.15), -height * (lane + 0.85));
            ticks.AddMajor((top + bottom) / 2, shown[lane].Key);
            foreach (var sound in shown[lane])
            {
                var bar = plot.Add.Rectangle(sound.OnsetSeconds, sound.OffsetSeconds, bottom, top);
                (bar.FillColor, bar.LineColor, bar.LineWidth) = (palette.GetColor(lane), palette.GetColor(lane), 1);
            }
        }
        plot.Axes.Left.TickGenerator = ticks;
        plot.Axes.Bottom.TickGenerator = new ScottPlot.TickGenerators.NumericAutomatic { LabelFormatter = at => Clock(at, seconds) };
        plot.Axes.SetLimits(0, seconds, -height * shown.Length, Bins);
        plot.Title(lanes.Length > shown.Length ? $"{title} (and {lanes.Length - shown.Length} more labels)" : title);
        plot.SavePng(path, Width, SpectrumHeight + LaneHeight * shown.Length + Frame);
    }

    private static double Total(IEnumerable<PlottedEvent> lane) => lane.Sum(sound => sound.OffsetSeconds - sound.OnsetSeconds);

    private static string Clock(double at, double length) => length < 120
        ? at.ToString("0.##", CultureInfo.InvariantCulture) + " s"
        : TimeSpan.FromSeconds(Math.Max(0, at)).ToString(length < 3600 ? @"m\:ss" : @"h\:mm\:ss", CultureInfo.InvariantCulture);

    /// <summary>Where a frequency lies among the filters, as <see cref="MelFilters"/> spaces them.</summary>
    private static double BinOf(double hertz)
    {
        static double Mel(double frequency) => 1127 * Math.Log(1 + frequency / 700);
        return (Mel(hertz) - Mel(20)) / (Mel(FrameRate.SampleRateHz / 2.0) - Mel(20)) * (Bins + 1) - 0.5;
    }

    private void Draw(Plot plot, double seconds)
    {
        if (_columns.Count == 0)
        {
            return;
        }
        var values = new double[Bins, _columns.Count]; // the first row is the picture's highest
        for (var column = 0; column < _columns.Count; column++)
        {
            for (var bin = 0; bin < Bins; bin++)
            {
                var decibels = 10 / Math.Log(10) * (_columns[column][bin] / Tables.Scale + Tables.Mean) - FullScaleDb;
                values[Bins - 1 - bin, column] = Math.Clamp(decibels, FloorDb, CeilingDb);
            }
        }
        var map = plot.Add.Heatmap(values);
        (map.Colormap, map.Smooth) = (new ScottPlot.Colormaps.Inferno(), false);
        map.Position = new CoordinateRect(0, seconds, 0, Bins);
        map.ManualRange = new ScottPlot.Range(FloorDb, CeilingDb);
        plot.Add.ColorBar(map).Label = "dB of full scale";
    }

    private void Take()
    {
        _count += _samples.WrittenCount;
        _filters.Push(_samples.WrittenSpan, _frames);
        _filters.Complete(_frames);
        _samples.ResetWrittenCount();
        var frames = _frames.Frames;
        for (var at = 0; at < frames.Length; at += Bins)
        {
            Add(frames.Slice(at, Bins));
        }
        _frames.Drop(_frames.Count);
    }

    /// <summary>A column holds the highest of its frames. When there are too many columns, two become one.</summary>
    private void Add(ReadOnlySpan<float> frame)
    {
        _open = _open is null ? frame.ToArray() : Higher(_open, frame);
        if (++_framesOfOpen < _framesOfColumn)
        {
            return;
        }
        _columns.Add(_open);
        (_open, _framesOfOpen) = (null, 0);
        if (_columns.Count == 2 * MaxColumns)
        {
            for (var pair = 0; pair < MaxColumns; pair++)
            {
                _columns[pair] = Higher(_columns[2 * pair], _columns[2 * pair + 1]);
            }
            _columns.RemoveRange(MaxColumns, MaxColumns);
            _framesOfColumn *= 2;
        }
    }

    private static float[] Higher(float[] one, ReadOnlySpan<float> other)
    {
        System.Numerics.Tensors.TensorPrimitives.Max(one, other, one);
        return one;
    }
}
