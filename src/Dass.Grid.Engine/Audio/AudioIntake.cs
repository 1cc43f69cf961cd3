using System.Buffers;
using System.Numerics.Tensors;

namespace Dass.Grid.Engine.Audio;

/// <summary>Bytes of a stream in its own format to mono samples at 16 kHz. The output does not depend on how the bytes are cut.</summary>
public sealed class AudioIntake
{
    private const int BlockFrames = 1024;

    private readonly AudioFormat _format;
    private readonly Resampler? _resampler;
    private readonly float[] _mono = new float[BlockFrames];
    private readonly LevelMeter _levels;
    private readonly GainControl? _gain;
    private long _samples;
    private double _channels; // power, summed over samples
    private double _mix; // of their mean

    /// <exception cref="AudioFormatException">The format breaks a rule.</exception>
    public AudioIntake(AudioFormat format)
    {
        format.Validate();
        _format = format;
        _levels = new LevelMeter(format.SampleRateHz);
        _gain = format.AutomaticGain ? new GainControl(format.SampleRateHz) : null;
        _resampler = format.SampleRateHz == ResamplerTable.OutputRateHz ? null : new Resampler(format.SampleRateHz);
    }

    /// <summary>Takes in whole frames.</summary>
    /// <exception cref="AudioFormatException">A torn frame, or a sample that is not finite; the message names its position. Nothing has
    /// changed.</exception>
    public void Push(ReadOnlySpan<byte> audio, IBufferWriter<float> to) => Push(silence: 0, audio, to);

    /// <summary>Takes in samples of silence, as if their bytes had come, and then whole frames.</summary>
    /// <exception cref="AudioFormatException">As for audio alone.</exception>
    public void Push(long silence, ReadOnlySpan<byte> audio, IBufferWriter<float> to)
    {
        SampleDecoder.Check(_format, audio, _samples + silence);
        if (silence > 0)
        {
            PushSilence(silence, to);
            _samples += silence;
        }
        while (!audio.IsEmpty)
        {
            var frames = Math.Min(audio.Length / _format.BytesPerFrame, BlockFrames);
            var mono = _mono.AsSpan(0, _levels.SamplesOfPace(_samples, frames));
            var block = audio[..(mono.Length * _format.BytesPerFrame)];
            audio = audio[block.Length..];
            ref var level = ref _levels.At(_samples);
            var before = level.Squares;
            SampleDecoder.Decode(_format, block, mono, ref level);
            if (_format is { Channels: > 1, Channel: 0 })
            {
                _channels += (level.Squares - before) / _format.Channels;
                _mix += TensorPrimitives.SumOfSquares<float>(mono) * MathF.Pow(10, -_format.GainDb / 10);
            }
            _samples += mono.Length;
            _gain?.Apply(mono);
            PushMono(mono, to);
        }
    }

    /// <summary>
    /// How much quieter the mean of the channels is than they are, dB, over all that has been taken in since the session was opened or
    /// restored; 3 dB of independent ones, endless of two that are inverse. Null: one channel is heard, or nothing.
    /// </summary>
    internal double? MixLossDb => _channels > 0 ? 10 * Math.Log10(_channels / _mix) : null;

    /// <summary>The level of the oldest audio of which none has been asked for yet.</summary>
    /// <param name="paces">How much of it, in steps of 0.32 s; <see cref="int.MaxValue"/>: all.</param>
    /// <returns>Null: nothing is known of it.</returns>
    internal AudioLevel? TakeLevel(int paces) => _levels.Take(paces);

    /// <summary>Writes what waited for samples after the end.</summary>
    public void Flush(IBufferWriter<float> to) => _resampler?.Flush(to);

    private void PushSilence(long samples, IBufferWriter<float> to)
    {
        Span<byte> frame = stackalloc byte[_format.BytesPerFrame];
        frame.Fill(_format.SilentByte);
        var mono = _mono.AsSpan(0, (int)Math.Min(samples, BlockFrames));
        LevelTally nothing = default;
        SampleDecoder.Decode(_format, frame, mono[..1], ref nothing);
        var quiet = mono[0];
        for (; samples > 0; samples -= mono.Length)
        {
            mono = mono[..(int)Math.Min(samples, mono.Length)];
            mono.Fill(quiet);
            _gain?.Apply(mono);
            PushMono(mono, to);
        }
    }

    private void PushMono(ReadOnlySpan<float> mono, IBufferWriter<float> to)
    {
        if (_resampler is null)
        {
            to.Write(mono);
        }
        else
        {
            _resampler.Push(mono, to);
        }
    }

    internal void Save(SnapshotWriter to)
    {
        to.Write(_samples);
        _gain?.Save(to);
        if (_resampler is not null)
        {
            var (window, next, phase) = _resampler.Save();
            to.WriteAll<float>(window);
            to.Write(next);
            to.Write(phase);
        }
    }

    /// <summary>Writes what is known of audio that has no level yet.</summary>
    internal void SaveLevels(SnapshotWriter to) => _levels.Save(to);

    /// <summary>Goes on with the levels of <see cref="SaveLevels"/>.</summary>
    /// <exception cref="SnapshotException">Damaged.</exception>
    internal void RestoreLevels(ref SnapshotReader from) => _levels.Restore(ref from);

    /// <summary>Levels up to here have been taken by an earlier session; nothing is known of what waits.</summary>
    internal void SkipLevels(long paces) => _levels.SkipTo(paces, _samples);

    /// <exception cref="SnapshotException">Damaged.</exception>
    internal void Restore(ref SnapshotReader from)
    {
        _samples = from.Read<long>("samples taken in");
        _gain?.Restore(ref from);
        if (_resampler is not null)
        {
            var window = from.ReadAll<float>("resampler window");
            var (next, phase) = (from.Read<int>("resampler position"), from.Read<int>("resampler phase"));
            SnapshotReader.Check(
                _resampler.TryRestore(window, next, phase), "resampler position", $"{next}, phase {phase}, {window.Length} samples");
        }
    }
}
