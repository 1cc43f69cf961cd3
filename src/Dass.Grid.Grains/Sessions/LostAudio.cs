namespace Dass.Grid.Grains.Sessions;

/// <summary>How much of the audio of a stream's next chunks its client had lost, so that the model heard silence instead.</summary>
/// <remarks>Used on the grain's own scheduler only.</remarks>
internal sealed class LostAudio
{
    private readonly SortedDictionary<long, double> _seconds = []; // by place, in chunks of the stream's shape

    /// <summary>By place, in chunks of the stream's shape, s.</summary>
    public IEnumerable<KeyValuePair<long, double>> Seconds => _seconds;

    /// <summary>Adds what was lost of audio that the stream has taken in.</summary>
    /// <param name="audio">With what was lost of it.</param>
    /// <param name="from">Audio before this position had been taken in before.</param>
    /// <param name="to">Audio from this position on has not been taken in.</param>
    /// <param name="shape">The stream's.</param>
    public void Add(AudioBlock audio, long from, long to, StreamShape shape)
    {
        var rate = shape.Format.SampleRateHz;
        var chunkSamples = rate * shape.Chunk.TotalSeconds;
        // Null: from a gateway of a version that did not say.
        foreach (var span in (audio.Lost ?? []).Append(new SampleSpan(audio.Start, audio.FirstSample)))
        {
            var (begin, end) = (Math.Max(span.FromSample, from), Math.Min(span.ToSample, to));
            for (var chunk = (long)(begin / chunkSamples); begin < end; chunk++)
            {
                var next = Math.Min(end, (long)Math.Round((chunk + 1) * chunkSamples));
                if (next > begin)
                {
                    _seconds[chunk] = _seconds.GetValueOrDefault(chunk) + (double)(next - begin) / rate;
                    begin = next;
                }
            }
        }
    }

    /// <summary>Begins with what a checkpoint says.</summary>
    public void Restore(IEnumerable<KeyValuePair<long, double>> seconds)
    {
        _seconds.Clear();
        foreach (var (chunk, lost) in seconds)
        {
            _seconds[chunk] = lost;
        }
    }

    /// <summary>Of a chunk that is tagged now, s. What is kept of those up to it is dropped.</summary>
    public double Take(ChunkTags chunk, StreamShape shape)
    {
        const double Rounding = 1e-3; // places begin at whole samples
        var length = shape.Chunk.TotalSeconds;
        return Take((long)(chunk.StartSeconds / length + Rounding), (long)Math.Ceiling(chunk.EndSeconds / length - Rounding) - 1);
    }

    /// <summary>
    /// Of the places from <paramref name="first"/> to <paramref name="last"/>, s. What is kept of those up to it is dropped.
    /// </summary>
    public double Take(long first, long last)
    {
        var lost = 0.0;
        while (_seconds.Count > 0 && _seconds.First() is var (place, seconds) && place <= last)
        {
            lost += place >= first ? seconds : 0;
            _seconds.Remove(place);
        }
        return lost;
    }

    /// <summary>The stream begins anew.</summary>
    public void Clear() => _seconds.Clear();
}
