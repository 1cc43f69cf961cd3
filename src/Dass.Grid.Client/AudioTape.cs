using Dass.Grid.V1;
using Google.Protobuf;

namespace Dass.Grid.Client;

/// <summary>
/// One source as numbered pieces. It outlives the calls that carry it: a piece is kept until the grid will not ask for it
/// again, and a read that a broken call was waiting for is there for the next one.
/// </summary>
/// <remarks>For one <see cref="StreamFeed"/>. Audio that a program makes comes through a pipe: <c>System.IO.Pipelines.Pipe</c>,
/// <c>Reader.AsStream()</c>.</remarks>
public sealed class AudioTape : IAsyncDisposable
{
    private const int PieceMilliseconds = 100;
    private const int MaxAheadSeconds = 30; // of a fast sender before the grid
    private const int MaxHeldSeconds = 180; // of audio that the grid has and could still lose

    private readonly Func<CancellationToken, Task<Stream>>? _reopen;
    private readonly CancellationToken _lifetime;
    private readonly int _frame; // bytes
    private readonly byte[] _piece;
    private readonly Queue<Piece> _held = new(); // taken, and not yet safe in the grid; its own lock
    private readonly List<Loss> _losses = []; // in order; its own lock
    private readonly SemaphoreSlim _acknowledged = new(0);
    private Queue<Piece> _again = new(); // the part of _held that the present call has still to send
    private Stream _source;
    private Task<int>? _reading;
    private int _used; // bytes of what has been read that are part of a piece already
    private long _heldFrames;
    private long _position; // of the next sample that is read
    private long _taken; // samples of the source so far
    private int _passed; // losses that lie before them
    private long _wanted; // the grid had everything before it when the call began
    private long _applied; // the grid has everything before it

    /// <param name="format">What the bytes are.</param>
    /// <param name="source">Raw interleaved samples; becomes the tape's. A torn last frame is dropped.</param>
    /// <param name="reopen">Opens the source again at its beginning. Null: it cannot be read again, so its first sample is the one that the
    /// grid wants next.</param>
    /// <param name="lifetime">Ends every read.</param>
    /// <exception cref="ArgumentException">The format breaks a rule.</exception>
    public AudioTape(
        AudioFormat format, Stream source, Func<CancellationToken, Task<Stream>>? reopen = null, CancellationToken lifetime = default)
    {
        if (format.SampleRateHz is < 8_000 or > 192_000)
        {
            throw new ArgumentException($"format.sample_rate_hz is {format.SampleRateHz}; 8,000 to 192,000.", nameof(format));
        }
        if (format.Channels is < 1 or > 8)
        {
            throw new ArgumentException($"format.channels is {format.Channels}; 1 to 8.", nameof(format));
        }
        (Format, _source, _reopen, _lifetime) = (format.Clone(), source, reopen, lifetime);
        _frame = FrameBytes(format);
        _piece = new byte[format.SampleRateHz * PieceMilliseconds / 1000 * _frame];
    }

    public AudioFormat Format { get; }

    /// <summary>
    /// Audio of the source is lost for good: what comes next lies that much later, and the tape reports it to the grid. Up to 2 s count as
    /// silence; after more the stream forgets, and a Gap reports it. A loss that no audio follows is not reported.
    /// </summary>
    /// <param name="after">Samples that the source has given before the loss; the following ones must not have been written to it yet. Not
    /// before the last loss.</param>
    /// <param name="samples">How many are lost; more than 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">One breaks its rule.</exception>
    public void Lose(long after, long samples)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(samples);
        lock (_losses)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(after, Math.Max(_taken, _losses.Count > 0 ? _losses[^1].After : 0));
            _losses.Add(new Loss(after, samples));
        }
    }

    /// <summary>
    /// First sample that can still be sent; null before the first read of a pipe, whose first sample is the one that the grid wants.
    /// </summary>
    internal long? OldestSample => _reopen is not null ? 0 : _position == 0 && _reading is null ? null : FirstHeld();

    /// <summary>Bytes of one sample of every channel.</summary>
    /// <exception cref="ArgumentException">The encoding is none.</exception>
    internal static int FrameBytes(AudioFormat format) => format.Channels * format.Encoding switch
    {
        Encoding.Pcm16 => 2,
        Encoding.Pcm24 => 3,
        Encoding.Pcm32 or Encoding.Float32 => 4,
        Encoding.ALaw or Encoding.MuLaw => 1,
        _ => throw new ArgumentException(
            $"format.encoding is {format.Encoding}; one of ENCODING_PCM16 and its neighbours.", nameof(format)),
    };

    /// <summary>Makes <see cref="NextAsync"/> go on with the piece that holds <paramref name="sample"/>.</summary>
    /// <exception cref="IOException">That audio is no longer kept and cannot be read again.</exception>
    internal async Task SeekAsync(long sample)
    {
        if (_reopen is null && _position == 0 && _reading is null)
        {
            _position = sample;
        }
        var kept = FirstHeld();
        if (sample < kept)
        {
            if (_reopen is null)
            {
                throw new IOException(
                    $"the grid wants the audio from {Seconds(sample)} s on, but a pipe cannot be read again and only what follows "
                    + $"{Seconds(kept)} s is kept. Start a new stream.");
            }
            await ReopenAsync().ConfigureAwait(false);
        }
        _wanted = sample;
        Acknowledge(sample, durable: 0);
        lock (_held)
        {
            _again = new Queue<Piece>(_held.SkipWhile(piece => End(piece.Audio) <= sample));
        }
    }

    /// <summary>The next piece, or null at the end of the source. Waits while too much is unacknowledged.</summary>
    /// <param name="cancellationToken">Ends the wait without losing audio.</param>
    internal async ValueTask<Audio?> NextAsync(CancellationToken cancellationToken)
    {
        if (_again.TryDequeue(out var again))
        {
            return again.Audio;
        }
        while (_position - Volatile.Read(ref _applied) >= (long)MaxAheadSeconds * Format.SampleRateHz)
        {
            await _acknowledged.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        while (await ReadAsync(cancellationToken).ConfigureAwait(false) is { } piece)
        {
            if (_position > _wanted)
            {
                lock (_held)
                {
                    _held.Enqueue(piece);
                    _heldFrames += Frames(piece);
                }
                return piece.Audio;
            }
        }
        return null;
    }

    /// <summary>
    /// The grid has everything before <paramref name="applied"/>, and will not ask again for what lies before <paramref name="durable"/>:
    /// that is forgotten.
    /// </summary>
    internal void Acknowledge(long applied, long durable)
    {
        Volatile.Write(ref _applied, applied);
        lock (_held)
        {
            while (_held.TryPeek(out var piece)
                && End(piece.Audio) <= (_heldFrames > (long)MaxHeldSeconds * Format.SampleRateHz ? Math.Max(applied, durable) : durable))
            {
                _heldFrames -= Frames(_held.Dequeue());
            }
        }
        _acknowledged.Release();
    }

    /// <summary>Position after the last sample of a piece.</summary>
    internal long End(Audio audio) => audio.FirstSample + audio.Data.Length / _frame;

    public async ValueTask DisposeAsync()
    {
        // A read of standard input cannot be cancelled; its stream must not be taken from under it.
        if (_reading is null or { IsCompleted: true })
        {
            await _source.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<Piece?> ReadAsync(CancellationToken cancellationToken)
    {
        _reading ??= ReadFramesAsync();
        var read = await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (read == 0)
        {
            return null; // and so will every later call: the task stays
        }
        var (lost, frames) = Take((read - _used) / _frame);
        var bytes = frames * _frame;
        var audio = new Audio { FirstSample = _position + lost, Data = ByteString.CopyFrom(_piece, _used, bytes), AfterLoss = lost > 0 };
        var piece = new Piece(audio, _position);
        (_position, _used) = (End(audio), _used + bytes);
        if (_used == read)
        {
            (_reading, _used) = (null, 0);
        }
        return piece;
    }

    /// <summary>Takes samples of the source up to the next loss.</summary>
    /// <returns>What is lost before them, and how many there are.</returns>
    private (long Lost, int Frames) Take(int frames)
    {
        lock (_losses)
        {
            var lost = 0L;
            for (; _passed < _losses.Count && _losses[_passed].After == _taken; _passed++)
            {
                lost += _losses[_passed].Samples;
            }
            if (_passed < _losses.Count)
            {
                frames = (int)Math.Min(frames, _losses[_passed].After - _taken);
            }
            _taken += frames;
            if (_reopen is null)
            {
                _losses.RemoveRange(0, _passed); // no read goes back there
                _passed = 0;
            }
            return (lost, frames);
        }
    }

    /// <summary>A live source gives little at a time: what is there is handed on, but never a part of a frame.</summary>
    private async Task<int> ReadFramesAsync()
    {
        var read = await _source.ReadAtLeastAsync(_piece, _frame, throwOnEndOfStream: false, _lifetime).ConfigureAwait(false);
        var torn = read % _frame;
        if (torn != 0)
        {
            read += await _source.ReadAtLeastAsync(
                _piece.AsMemory(read, _frame - torn), _frame - torn, throwOnEndOfStream: false, _lifetime).ConfigureAwait(false);
        }
        return read / _frame * _frame;
    }

    private async Task ReopenAsync()
    {
        if (_reading is { } reading)
        {
            await reading.WaitAsync(_lifetime).ConfigureAwait(false);
        }
        await _source.DisposeAsync().ConfigureAwait(false);
        _source = await _reopen!(_lifetime).ConfigureAwait(false);
        (_reading, _used, _position) = (null, 0, 0);
        lock (_losses)
        {
            (_taken, _passed) = (0, 0);
        }
        lock (_held)
        {
            _held.Clear();
            _heldFrames = 0;
        }
    }

    private long FirstHeld()
    {
        lock (_held)
        {
            return _held.TryPeek(out var piece) ? piece.From : _position;
        }
    }

    private long Frames(Piece piece) => piece.Audio.Data.Length / _frame;

    private string Seconds(long sample) => FormattableString.Invariant($"{(double)sample / Format.SampleRateHz:0.00}");

    /// <param name="Audio">What is sent.</param>
    /// <param name="From">Where it begins, with what is lost before it.</param>
    private readonly record struct Piece(Audio Audio, long From);

    private readonly record struct Loss(long After, long Samples);
}
