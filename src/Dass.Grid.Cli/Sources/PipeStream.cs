using Dass.Grid.Cli.Output;

namespace Dass.Grid.Cli.Sources;

/// <summary>
/// Standard input, or a file that cannot be read twice: a named pipe, or what a shell puts in the place of a file. A read of it cannot be
/// cancelled, so it goes on by itself when the call that waits for it ends.
/// </summary>
internal sealed class PipeStream(Stream pipe) : OneWayStream
{
    /// <summary>The argument that means standard input.</summary>
    public const string StandardInput = "-";

    private readonly byte[] _held = new byte[64 << 10]; // of its own: a read that goes on writes into it when the caller's is gone
    private int _from; // of what is held and has not been given out
    private int _to;
    private Task<int>? _reading;

    public override bool CanRead => true;

    /// <param name="path">A file, or <see cref="StandardInput"/>.</param>
    /// <param name="cancellationToken">Ends the wait for a named pipe's writer.</param>
    /// <returns>Null: a file that can be read again, or none at all.</returns>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static async Task<PipeStream?> TryOpenAsync(string path, CancellationToken cancellationToken)
    {
        if (path == StandardInput)
        {
            return new PipeStream(Console.OpenStandardInput());
        }
        if (!File.Exists(path))
        {
            return null;
        }
        var opening = Task.Run(() => File.OpenRead(path), CancellationToken.None);
        var file = await opening.WaitAsync(cancellationToken).ConfigureAwait(false);
        if (!file.CanSeek)
        {
            return new PipeStream(file);
        }
        await file.DisposeAsync().ConfigureAwait(false);
        return null;
    }

    /// <summary>The next bytes, which stay to be read; fewer at the end.</summary>
    public async Task<ReadOnlyMemory<byte>> PeekAsync(int count, CancellationToken cancellationToken)
    {
        while (_to - _from < count && await FillAsync(cancellationToken).ConfigureAwait(false) > 0)
        {
        }
        return _held.AsMemory(_from, Math.Min(count, _to - _from));
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_from == _to)
        {
            await FillAsync(cancellationToken).ConfigureAwait(false);
        }
        var read = Math.Min(buffer.Length, _to - _from);
        _held.AsSpan(_from, read).CopyTo(buffer.Span);
        _from += read;
        return read;
    }

    /// <remarks>While a read goes on, its stream must not be taken from under it.</remarks>
    public override ValueTask DisposeAsync() => _reading is null or { IsCompleted: true } ? pipe.DisposeAsync() : default;

    private async Task<int> FillAsync(CancellationToken cancellationToken)
    {
        if (_reading is null && _from == _to)
        {
            (_from, _to) = (0, 0);
        }
        _reading ??= pipe.ReadAsync(_held.AsMemory(_to), CancellationToken.None).AsTask();
        var read = await _reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        (_reading, _to) = (null, _to + read);
        return read;
    }
}
