using Microsoft.Win32.SafeHandles;

namespace Dass.Grid.Cli.Output;

/// <summary>
/// Standard output that is a pipe. .NET's own stream says nothing of a pipe whose reader has gone, so that a command without an end would
/// write into it for ever.
/// </summary>
internal sealed class PipeOutput : OneWayStream
{
    private const int StandardOutput = 1;
    private const int PieceBytes = 4096; // that a full pipe takes in whole or not at all
    private const int BrokenPipe = 32;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    private readonly FileStream _pipe;
    private readonly Action _onGone;
    private volatile bool _isGone;

    private PipeOutput(FileStream pipe, Action onGone) => (_pipe, _onGone) = (pipe, onGone);

    public override bool CanWrite => true;

    /// <param name="onGone">Called once, by the write that finds no reader; nothing is written from then on.</param>
    /// <returns>Null: it is a file, which has no reader and whose end other programs share, or this is Windows.</returns>
    public static PipeOutput? TryOpen(Action onGone)
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }
        var output = new FileStream(new SafeFileHandle(StandardOutput, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return output.CanSeek ? null : new PipeOutput(output, onGone);
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!_isGone && !buffer.IsEmpty)
        {
            var piece = buffer[..Math.Min(buffer.Length, PieceBytes)];
            try
            {
                _pipe.Write(piece);
                buffer = buffer[piece.Length..];
            }
            catch (IOException full) when (full.HResult is 11 or 35) // EAGAIN of Linux and of macOS: a neighbour has made it non-blocking
            {
                Thread.Sleep(Pause);
            }
            catch (IOException gone) when (gone.HResult == BrokenPipe)
            {
                _isGone = true;
                _onGone();
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
}
