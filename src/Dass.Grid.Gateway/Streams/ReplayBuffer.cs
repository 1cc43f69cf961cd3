namespace Dass.Grid.Gateway.Streams;

/// <summary>
/// The audio of one call that its stream could lose with its silo: everything after the durable position, but for what its client has lost.
/// </summary>
/// <remarks>
/// Holds the bytes of the messages as they came; bounded by <see cref="HasRoom"/>, which the writer must ask. Lost samples count as if
/// their bytes were here: they cost the stream's silo the same when they are sent again.
/// </remarks>
internal sealed class ReplayBuffer(int bytesPerFrame, long maxBytes)
{
    private const int GatherBytes = 1 << 20;

    private readonly LinkedList<AudioBlock> _blocks = [];
    private long _bytes;

    /// <summary>First sample that is kept; null: nothing is.</summary>
    public long? Start => _blocks.First?.Value.Start;

    /// <summary>Bytes that are kept.</summary>
    public long Held => _bytes;

    /// <summary>More than half full: a checkpoint is worth its cost now.</summary>
    public bool IsNearlyFull => 2 * _bytes > maxBytes;

    /// <summary>A message of any size fits an empty buffer: the message limit bounds it.</summary>
    public bool HasRoom(long bytes) => _bytes == 0 || _bytes + bytes <= maxBytes;

    public void Append(AudioBlock audio)
    {
        _blocks.AddLast(audio);
        _bytes += Bytes(audio);
    }

    /// <summary>Forgets messages that lie wholly before <paramref name="sample"/>.</summary>
    public void Drop(long sample)
    {
        while (_blocks.First is { } first && End(first.Value) <= sample)
        {
            _bytes -= Bytes(first.Value);
            _blocks.RemoveFirst();
        }
    }

    /// <summary>
    /// Up to <paramref name="maxFrames"/> from <paramref name="sample"/> on; null when there is no more. Small messages that are sent again
    /// come together: each would cost its own way to the silo and back.
    /// </summary>
    public AudioBlock? At(long sample, int maxFrames)
    {
        // What is sent next is nearly always the last message.
        for (var node = _blocks.Last; node is not null; node = node.Previous)
        {
            if (node.Value.Start <= sample)
            {
                var frames = (int)Math.Min(maxFrames, End(node.Value) - sample);
                if (frames <= 0)
                {
                    return null;
                }
                var piece = Piece(node.Value, sample, frames);
                return frames < maxFrames && node.Next is { } next ? Gather(piece, next, maxFrames - (int)piece.LostBefore) : piece;
            }
        }
        return null;
    }

    /// <summary>First sample that is kept after <paramref name="sample"/>, which is not; null: there is none.</summary>
    public long? After(long sample)
    {
        long? first = null;
        for (var node = _blocks.Last; node is not null && node.Value.Start > sample; node = node.Previous)
        {
            first = node.Value.Start;
        }
        return first;
    }

    /// <summary>Bytes of the audio, and of the lost samples as if they were there.</summary>
    public long Bytes(AudioBlock audio) => audio.Data.Length + audio.LostBefore * bytesPerFrame;

    private AudioBlock Piece(AudioBlock block, long sample, int frames)
    {
        var (skipped, lost) = (Math.Max(0, sample - block.FirstSample), (int)Math.Clamp(block.FirstSample - sample, 0, frames));
        var data = block.Data.Slice((int)skipped * bytesPerFrame, (frames - lost) * bytesPerFrame);
        return new AudioBlock(sample + lost, data) { LostBefore = lost };
    }

    /// <summary>A loss begins a piece of its own.</summary>
    private AudioBlock Gather(AudioBlock first, LinkedListNode<AudioBlock>? next, int maxFrames)
    {
        var (length, most) = (first.Data.Length, Math.Min((long)maxFrames * bytesPerFrame, GatherBytes));
        var pieces = new List<AudioBlock> { first };
        for (; next is { Value: var block }; next = next.Next)
        {
            var follows = block.LostBefore == 0 && block.FirstSample == first.FirstSample + length / bytesPerFrame;
            if (!follows || length + block.Data.Length > most)
            {
                break;
            }
            pieces.Add(block);
            length += block.Data.Length;
        }
        if (pieces.Count == 1)
        {
            return first;
        }
        var (gathered, at) = (new byte[length], 0);
        foreach (var piece in pieces)
        {
            piece.Data.CopyTo(gathered.AsMemory(at));
            at += piece.Data.Length;
        }
        return first with { Data = gathered };
    }

    private long End(AudioBlock audio) => audio.FirstSample + audio.Data.Length / bytesPerFrame;
}
