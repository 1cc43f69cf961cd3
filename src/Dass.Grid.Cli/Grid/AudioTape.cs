using Dass.Grid.Engine.Audio;
using Dass.Grid.V1;
using Google.Protobuf;
using AudioFormat = Dass.Grid.Engine.Audio.AudioFormat;

namespace Dass.Grid.Cli.Grid;

/// <summary>
/// One source as numbered pieces. It outlives the calls that carry it: a piece is kept until the grid says that it will not ask for it again, and a read that a
/// broken call was waiting for is there for the next one.
/// </summary>
/// <remarks>One caller seeks and takes; acknowledgements may come from another thread.</remarks>
internal sealed class AudioTape : IAsyncDisposable
{
    private const int PieceMilliseconds = 100;
    private const int MaxAheadSeconds = 30; // of a fast sender before the grid
    private const int MaxHeldSeconds = 180; // of audio that the grid has and could still lose

    private readonly Func<CancellationToken, Task<IAudioSource>> _open;
    private readonly bool _rereadable;
    private readonly CancellationToken _lifetime;
    private readonly Queue<Audio> _held = new(); // taken, and not yet safe in the grid; its own lock
    private readonly SemaphoreSlim _acknowledged = new(0);
    private Queue<Audio> _again = new(); // the part of _held that the present call has still to send
    private IAudioSource _source;
    private readonly byte[] _piece;
    private Task<int>? _reading;
    private long _position; // of the next sample that is read
    private long _wanted; // the grid has everything before it
    private long _applied; // and says so again and again

    private AudioTape(IAudioSource source, Func<CancellationToken, Task<IAudioSource>> open, bool rereadable, CancellationToken lifetime)
    {
        (_source, _open, _rereadable, _lifetime) = (source, open, rereadable, lifetime);
        _piece = new byte[Math.Max(1, source.Format.SampleRateHz * PieceMilliseconds / 1000) * source.Format.BytesPerFrame];
    }

    public AudioFormat Format => _source.Format;

    /// <summary>Whether the source ended before its header said so.</summary>
    public bool Truncated => _source is WavReader { Truncated: true };

    /// <param name="open">Opens the source at its beginning.</param>
    /// <param name="rereadable">Whether it can be opened again: a file can, a pipe cannot. A pipe's first sample is the one that the grid wants next.</param>
    /// <param name="lifetime">Ends every read.</param>
    public static async Task<AudioTape> OpenAsync(Func<CancellationToken, Task<IAudioSource>> open, bool rereadable, CancellationToken lifetime) =>
        new(await open(lifetime).WaitAsync(lifetime).ConfigureAwait(false), open, rereadable, lifetime);

    /// <summary>First sample that can still be sent; null before the first read of a pipe, whose first sample is the one that the grid wants.</summary>
    public long? OldestSample => _rereadable ? 0 : _position == 0 && _reading is null ? null : FirstHeld();

    /// <summary>Makes <see cref="NextAsync"/> go on with the piece that holds <paramref name="sample"/>.</summary>
    /// <exception cref="IOException">That audio is no longer kept and cannot be read again.</exception>
    public async Task SeekAsync(long sample)
    {
        if (!_rereadable && _position == 0 && _reading is null)
        {
            _position = sample;
        }
        var kept = FirstHeld();
        if (sample < kept)
        {
            if (!_rereadable)
            {
                throw new IOException(
                    $"the grid wants the audio from {Seconds(sample)} s on, but a pipe cannot be read again and only what follows {Seconds(kept)} s is kept. Start a new stream.");
            }
            await ReopenAsync().ConfigureAwait(false);
        }
        _wanted = sample;
        Acknowledge(sample, durable: 0);
        lock (_held)
        {
            _again = new Queue<Audio>(_held.SkipWhile(audio => End(audio) <= sample));
        }
    }

    /// <summary>The next piece, or null at the end of the source. Waits while too much is unacknowledged.</summary>
    /// <param name="cancellationToken">Ends the wait without losing audio.</param>
    public async ValueTask<Audio?> NextAsync(CancellationToken cancellationToken)
    {
        if (_again.TryDequeue(out var again))
        {
            return again;
        }
        while (_position - Volatile.Read(ref _applied) >= (long)MaxAheadSeconds * Format.SampleRateHz)
        {
            await _acknowledged.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        while (await ReadAsync(cancellationToken).ConfigureAwait(false) is { } audio)
        {
            if (_position > _wanted)
            {
                lock (_held)
                {
                    _held.Enqueue(audio);
                }
                return audio;
            }
        }
        return null;
    }

    /// <summary>The grid has everything before <paramref name="applied"/>, and will not ask again for what lies before <paramref name="durable"/>: that is forgotten.</summary>
    public void Acknowledge(long applied, long durable)
    {
        Volatile.Write(ref _applied, applied);
        lock (_held)
        {
            var oldest = Math.Max(durable, Math.Min(applied, _position - (long)MaxHeldSeconds * Format.SampleRateHz));
            while (_held.TryPeek(out var audio) && End(audio) <= oldest)
            {
                _held.Dequeue();
            }
        }
        _acknowledged.Release();
    }

    /// <summary>Position after the last sample of a piece.</summary>
    public long End(Audio audio) => audio.FirstSample + audio.Data.Length / Format.BytesPerFrame;

    public async ValueTask DisposeAsync()
    {
        // A read of standard input cannot be cancelled; its stream must not be taken from under it.
        if (_reading is null or { IsCompleted: true })
        {
            await _source.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task<Audio?> ReadAsync(CancellationToken cancellationToken)
    {
        _reading ??= _source.ReadAsync(_piece, _lifetime).AsTask();
        var read = await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (read == 0)
        {
            return null; // and so will every later call: the task stays
        }
        _reading = null;
        var audio = new Audio { FirstSample = _position, Data = ByteString.CopyFrom(_piece, 0, read) };
        _position = End(audio);
        return audio;
    }

    private async Task ReopenAsync()
    {
        if (_reading is { } reading)
        {
            await reading.WaitAsync(_lifetime).ConfigureAwait(false);
        }
        await _source.DisposeAsync().ConfigureAwait(false);
        _source = await _open(_lifetime).ConfigureAwait(false);
        (_reading, _position) = (null, 0);
        lock (_held)
        {
            _held.Clear();
        }
    }

    private long FirstHeld()
    {
        lock (_held)
        {
            return _held.TryPeek(out var audio) ? audio.FirstSample : _position;
        }
    }

    private string Seconds(long sample) => FormattableString.Invariant($"{(double)sample / Format.SampleRateHz:0.00}");
}
