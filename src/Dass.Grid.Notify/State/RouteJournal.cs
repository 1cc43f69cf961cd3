using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Notify.State;

/// <summary>
/// How far a rule is with one destination: which events it has decided on, which messages wait, when it sent last. Each change is a line
/// that is on the disk before the change counts; a crash leaves at most the last line torn, which is left out.
/// </summary>
/// <remarks>Safe for a reader of events and several senders at a time.</remarks>
internal sealed class RouteJournal : IDisposable
{
    private const int SeenPerLine = 500;
    private const int LeastLines = 1_000; // before it is written anew

    private readonly Lock _lock = new();
    private readonly string _path;
    private readonly TimeSpan _keep;
    private readonly TimeProvider _clock;
    private readonly Dictionary<UInt128, long> _seen = []; // by key: ticks of the onset
    private readonly LinkedList<Notice> _pending = new();
    private readonly Dictionary<string, LinkedListNode<Notice>> _places = new(StringComparer.Ordinal); // in _pending, by id
    private readonly string _rule;
    private readonly string _selection;
    private readonly TimeSpan _cooldown;
    private FileStream? _file; // null: it could not be opened again
    private long _length; // of what was written whole
    private int _lines;

    /// <param name="path">Of the file; is made when it is missing.</param>
    /// <param name="rule">
    /// The rule. When it selects other events than that of the journal's entries, it begins where that one had read up to.
    /// </param>
    /// <param name="keep">Events are remembered for so long after their onset: the reader never goes back further.</param>
    /// <param name="clock">The time of day.</param>
    /// <exception cref="IOException">It cannot be read or written, or a line in its midst is broken.</exception>
    public RouteJournal(string path, Rule rule, TimeSpan keep, TimeProvider clock)
    {
        (_path, _keep, _cooldown, _clock) = (path, keep, rule.Cooldown, clock);
        (_rule, _selection) = (Hash(rule.Definition), Hash(rule.ToSelection().ToString()));
        var now = clock.GetUtcNow().UtcDateTime;
        var known = Load();
        if (known?.Rule is null)
        {
            Since = ReadUpTo = rule.From?.UtcDateTime ?? now;
        }
        else if (known.Rule != _rule && known.Selection != _selection)
        {
            // What the new one selects and the old one did not is not sent for the time before.
            Since = ReadUpTo > Since ? ReadUpTo : Since;
        }
        Rewrite();
    }

    /// <summary>Events that ended before are none of the rule's.</summary>
    public DateTime Since { get; private set; }

    public DateTime ReadUpTo { get; private set; }

    /// <summary>What cooldowns need. It changes within <see cref="Decide"/> alone.</summary>
    public RuleMemory Memory { get; } = new();

    public int PendingCount
    {
        get
        {
            lock (_lock)
            {
                return _pending.Count;
            }
        }
    }

    /// <summary>Messages that wait, in order.</summary>
    public IReadOnlyList<Notice> Pending()
    {
        lock (_lock)
        {
            return [.. _pending];
        }
    }

    public bool HasSeen(UInt128 key)
    {
        lock (_lock)
        {
            return _seen.ContainsKey(key);
        }
    }

    /// <summary>Decides on events; when this returns the decisions hold.</summary>
    /// <param name="seen">All of them: key and onset.</param>
    /// <param name="decide">Decides with <see cref="Memory"/>, which no sender uses meanwhile: the messages, in order.</param>
    /// <returns>The messages.</returns>
    /// <exception cref="IOException">It cannot be written: nothing has changed, and the rule's memory is as it was before.</exception>
    public IReadOnlyList<Notice> Decide(
        IReadOnlyList<(UInt128 Key, DateTime Onset)> seen, Func<IReadOnlyList<Notice>> decide)
    {
        lock (_lock)
        {
            RewriteWhenLong();
            IReadOnlyList<Notice> send;
            try
            {
                send = decide();
                Write(new JournalEntry
                {
                    Seen = seen.ToDictionary(each => Hex(each.Key), each => each.Onset.Ticks),
                    Send = send.Count > 0 ? send : null,
                    Sent = Memory.Changes() is { Count: > 0 } changes ? changes : null,
                });
            }
            catch
            {
                Memory.Revert();
                throw;
            }
            Memory.Keep();
            foreach (var (key, onset) in seen)
            {
                _seen[key] = onset.Ticks;
            }
            foreach (var notice in send)
            {
                AddPending(notice);
            }
            return send;
        }
    }

    /// <summary>A message has been sent or given up.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Done(string id)
    {
        lock (_lock)
        {
            RewriteWhenLong();
            Write(new JournalEntry { Done = id });
            RemovePending(id);
        }
    }

    /// <summary>All events that the grid listed before <paramref name="time"/> have been decided on.</summary>
    public void MarkRead(DateTime time)
    {
        lock (_lock)
        {
            RewriteWhenLong();
            ReadUpTo = time;
            Write(new JournalEntry { Read = time }, isUrgent: false);
        }
    }

    public void Dispose() => _file?.Dispose();

    /// <returns>The rule of the last entries and its selection; null: there is no journal yet.</returns>
    private JournalEntry? Load()
    {
        if (!File.Exists(_path))
        {
            return null;
        }
        var last = new JournalEntry();
        var bytes = File.ReadAllBytes(_path).AsSpan();
        for (var number = 1; bytes.Length > 0; number++)
        {
            var end = bytes.IndexOf((byte)'\n');
            var entry = end < 0 ? null : JournalEntry.Parse(bytes[..end]);
            var rest = end < 0 ? default : bytes[(end + 1)..];
            if (entry is null && rest.Length > 0)
            {
                throw new IOException(
                    $"{_path}: line {number} is broken. Without the file the rule begins anew: move it away if that will do.");
            }
            bytes = rest;
            last = entry?.Rule is null ? last : entry;
            Apply(entry ?? new JournalEntry());
        }
        return last;
    }

    private void Apply(JournalEntry entry)
    {
        (Since, ReadUpTo) = (entry.Since ?? Since, entry.Read ?? ReadUpTo);
        foreach (var (key, onset) in entry.Seen ?? [])
        {
            _seen[UInt128.Parse(key, NumberStyles.HexNumber, CultureInfo.InvariantCulture)] = onset;
        }
        foreach (var (key, sent) in entry.Sent ?? [])
        {
            Memory.Remember(key, sent);
        }
        foreach (var notice in entry.Send ?? [])
        {
            AddPending(notice);
        }
        if (entry.Done is { } id)
        {
            RemovePending(id);
        }
    }

    private void AddPending(Notice notice)
    {
        if (!_places.ContainsKey(notice.Id))
        {
            _places.Add(notice.Id, _pending.AddLast(notice));
        }
    }

    private void RemovePending(string id)
    {
        if (_places.Remove(id, out var place))
        {
            _pending.Remove(place);
        }
    }

    private void Write(JournalEntry entry, bool isUrgent = true)
    {
        _file ??= Open();
        if (_file.Length != _length)
        {
            _file.SetLength(_length); // what a full disk has torn
        }
        _file.Position = _length;
        var line = entry.ToLine();
        _file.Write(line);
        _file.Flush(flushToDisk: isUrgent);
        _length += line.Length;
        _lines++;
    }

    /// <summary>Before a change, not behind it: when it fails, nothing has changed.</summary>
    private void RewriteWhenLong()
    {
        if (_lines > LeastLines + 4 * (_seen.Count / SeenPerLine + _pending.Count))
        {
            Rewrite();
        }
    }

    /// <summary>Writes what holds now, and forgets what can no longer be asked for.</summary>
    private void Rewrite()
    {
        var now = _clock.GetUtcNow().UtcDateTime;
        var oldest = now - _keep;
        foreach (var (key, _) in _seen.Where(each => each.Value < oldest.Ticks).ToArray())
        {
            _seen.Remove(key);
        }
        Memory.Forget(now - _cooldown - _keep);
        Memory.Keep();
        _lines = 0;
        DurableFile.Replace(_path, file =>
        {
            void Add(JournalEntry entry)
            {
                file.Write(entry.ToLine());
                _lines++;
            }
            Add(new JournalEntry { Since = Since, Rule = _rule, Selection = _selection, Read = ReadUpTo, Sent = new(Memory.Sent) });
            foreach (var part in _seen.Chunk(SeenPerLine))
            {
                Add(new JournalEntry { Seen = part.ToDictionary(each => Hex(each.Key), each => each.Value) });
            }
            foreach (var part in _pending.Chunk(SeenPerLine))
            {
                Add(new JournalEntry { Send = part });
            }
        });
        _file?.Dispose();
        _file = null;
        _file = Open();
    }

    private FileStream Open()
    {
        var file = new FileStream(_path, DurableFile.Owners(FileMode.Open, FileAccess.Write));
        _length = file.Length;
        return file;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string Hex(UInt128 key) => key.ToString("x32", CultureInfo.InvariantCulture);
}
