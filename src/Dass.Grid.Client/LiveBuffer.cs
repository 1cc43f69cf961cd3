namespace Dass.Grid.Client;

/// <summary>
/// Audio that waits for a grid. When it is full the oldest is dropped: what is left are the last minutes before now. Its positions show
/// what is missing.
/// </summary>
/// <param name="capacity">Bytes.</param>
/// <param name="disk">Takes what memory has no room for. Null: it is dropped.</param>
internal sealed class LiveBuffer(long capacity, LiveSpool? disk = null)
{
    private readonly LinkedList<LivePiece> _pieces = new(); // its own lock
    private readonly SemaphoreSlim _changed = new(0, 1);
    private long _bytes;
    private bool _completed;

    /// <summary>Bytes that were dropped.</summary>
    public long Dropped { get; private set; }

    public void Add(LivePiece piece)
    {
        lock (_pieces)
        {
            if (disk is { IsEmpty: false } || (disk is not null && _bytes + piece.Data.Length > capacity))
            {
                Dropped += disk.Add(piece);
            }
            else
            {
                _pieces.AddLast(piece);
                _bytes += piece.Data.Length;
                while (_bytes > capacity && _pieces.Count > 1)
                {
                    Dropped += _pieces.First!.Value.Data.Length;
                    _bytes -= _pieces.First.Value.Data.Length;
                    _pieces.RemoveFirst();
                }
            }
        }
        Signal();
    }

    /// <summary>No more comes.</summary>
    public void Complete()
    {
        lock (_pieces)
        {
            _completed = true;
        }
        Signal();
    }

    /// <summary>The oldest piece, which stays. Null: there is none, and no more comes.</summary>
    public async Task<LivePiece?> PeekAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_pieces)
            {
                Refill();
                if (_pieces.First is { } first)
                {
                    return first.Value;
                }
                if (_completed)
                {
                    Signal();
                    return null;
                }
            }
            await _changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the piece that has been peeked at, unless it has been dropped meanwhile.</summary>
    public bool TryTake(LivePiece piece)
    {
        lock (_pieces)
        {
            if (_pieces.First is not { } first || first.Value.Position != piece.Position || first.Value.Era != piece.Era)
            {
                return false;
            }
            _bytes -= piece.Data.Length;
            _pieces.RemoveFirst();
            return true;
        }
    }

    private void Refill()
    {
        while (_bytes < capacity / 2 && disk?.Take() is { } piece)
        {
            _pieces.AddLast(piece);
            _bytes += piece.Data.Length;
        }
    }

    private void Signal()
    {
        lock (_changed)
        {
            if (_changed.CurrentCount == 0)
            {
                _changed.Release();
            }
        }
    }
}
