using System.Buffers.Binary;
using System.Text.RegularExpressions;

namespace Dass.Grid.Client;

/// <summary>A bounded queue of audio in files, for the time in which a grid is away. What an earlier process left is deleted.</summary>
/// <remarks>Used under the lock of its <see cref="LiveBuffer"/>.</remarks>
internal sealed partial class LiveSpool : IDisposable
{
    private const int HeadBytes = sizeof(int) + sizeof(long) + sizeof(int);
    private const string Extension = ".tape";

    private readonly Queue<Segment> _segments = new();
    private readonly string _name;
    private readonly long _capacity;
    private readonly long _segmentBytes;
    private FileStream? _writing;
    private FileStream? _reading;
    private long _bytes;
    private int _serial;

    /// <param name="directory">Is made. Several spools share it under several names.</param>
    /// <param name="name">Begins the names of the files.</param>
    /// <param name="capacity">Bytes that the files take at most.</param>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">So it cannot.</exception>
    public LiveSpool(string directory, string name, long capacity)
    {
        Directory.CreateDirectory(directory);
        (_name, _capacity, _segmentBytes) = (Path.Combine(directory, name), capacity, Math.Clamp(capacity / 16, 64 << 10, 16 << 20));
        foreach (var old in Directory.EnumerateFiles(directory, $"{name}.*{Extension}"))
        {
            // Streams "yard" and "yard.1" share a directory, and part of a name.
            if (SerialAndExtension().IsMatch(Path.GetFileName(old)[name.Length..]))
            {
                File.Delete(old);
            }
        }
    }

    public bool IsEmpty => _segments.Count == 0;

    /// <returns>Bytes of older audio that made room, or of this piece if it cannot be written.</returns>
    public long Add(LivePiece piece)
    {
        var whole = 0L; // of the file, without this piece
        try
        {
            if (_writing is null || _writing.Length >= _segmentBytes)
            {
                CloseWriting();
                var file = FormattableString.Invariant($"{_name}.{_serial++:D6}{Extension}");
                // Without a buffer: what a full disk does not take must not be written later, in the middle of another piece.
                _writing = new FileStream(file, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
                _segments.Enqueue(new Segment(file));
            }
            whole = _writing.Length;
            Span<byte> head = stackalloc byte[HeadBytes];
            BinaryPrimitives.WriteInt32LittleEndian(head, piece.Era);
            BinaryPrimitives.WriteInt64LittleEndian(head[4..], piece.Position);
            BinaryPrimitives.WriteInt32LittleEndian(head[12..], piece.Data.Length);
            _writing.Write(head);
            _writing.Write(piece.Data.Span);
            _segments.Last().Bytes += piece.Data.Length;
            _bytes += piece.Data.Length;
        }
        catch (Exception full) when (full is IOException or UnauthorizedAccessException)
        {
            TakeBack(whole);
            return piece.Data.Length; // the disk is full: newer audio waits for the room that older audio leaves
        }
        var dropped = 0L;
        while (_bytes > _capacity && _segments.Count > 1)
        {
            dropped += DropOldest();
        }
        return dropped;
    }

    /// <summary>The oldest piece. Null: none.</summary>
    public LivePiece? Take()
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        while (_segments.TryPeek(out var segment))
        {
            try
            {
                _reading ??= new FileStream(segment.File, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
                if (_reading.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false) == HeadBytes
                    && BinaryPrimitives.ReadInt32LittleEndian(head[12..]) is >= 0 and var length && length <= segment.Bytes)
                {
                    var data = new byte[length];
                    _reading.ReadExactly(data);
                    segment.Bytes -= data.Length;
                    _bytes -= data.Length;
                    return new LivePiece(
                        BinaryPrimitives.ReadInt32LittleEndian(head), BinaryPrimitives.ReadInt64LittleEndian(head[4..]), data);
                }
            }
            catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
            {
                // What cannot be read is missing: the positions show it.
            }
            DropOldest();
        }
        return null;
    }

    public void Dispose()
    {
        while (_segments.Count > 0)
        {
            DropOldest();
        }
    }

    [GeneratedRegex($"^[.][0-9]+{Extension}$", RegexOptions.CultureInvariant)]
    private static partial Regex SerialAndExtension();

    /// <summary>Part of a piece may be written: it goes, or the next piece goes into another file.</summary>
    private void TakeBack(long whole)
    {
        try
        {
            _writing?.SetLength(whole);
            _writing?.Seek(0, SeekOrigin.End);
        }
        catch (Exception broken) when (broken is IOException or UnauthorizedAccessException)
        {
            CloseWriting();
        }
    }

    private void CloseWriting()
    {
        _writing?.Dispose();
        _writing = null;
    }

    private long DropOldest()
    {
        var oldest = _segments.Dequeue();
        _reading?.Dispose();
        _reading = null;
        if (_segments.Count == 0)
        {
            CloseWriting();
        }
        try
        {
            File.Delete(oldest.File);
        }
        catch (Exception kept) when (kept is IOException or UnauthorizedAccessException)
        {
            // The next process deletes it.
        }
        _bytes -= oldest.Bytes;
        return oldest.Bytes;
    }

    private sealed class Segment(string file)
    {
        public string File => file;

        public long Bytes { get; set; }
    }
}
