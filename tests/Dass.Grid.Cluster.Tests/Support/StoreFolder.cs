using Dass.Grid.Grains.Storage;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>A file store of its own, which can be away, and whose records can be damaged.</summary>
internal sealed class StoreFolder : IDisposable
{
    private const int ETagBytes = 8;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("dass-store-");

    public string Place => Path.Combine(_root.FullName, "streams");

    private string Elsewhere => Path.Combine(_root.FullName, "away");

    public Dictionary<string, string?> Settings(params (string Key, string Value)[] more)
    {
        var settings = new Dictionary<string, string?> { ["Grid:Store"] = "file", ["Grid:StoreDirectory"] = Place };
        foreach (var (key, value) in more)
        {
            settings[key] = value;
        }
        return settings;
    }

    public FileGrainStorage Open() => new(Place, "dass-grid");

    /// <summary>From now on nothing can be read or written.</summary>
    public void TakeAway()
    {
        Directory.Move(Place, Elsewhere);
        while (true)
        {
            try
            {
                File.WriteAllText(Place, "in the way"); // else the directory would be made again
                return;
            }
            catch (UnauthorizedAccessException) when (Directory.Exists(Place))
            {
                FollowElsewhere(); // the grid has made it again meanwhile: what it wrote is away, too
            }
        }
    }

    private void FollowElsewhere()
    {
        try
        {
            foreach (var file in Directory.GetFiles(Place))
            {
                File.Move(file, Path.Combine(Elsewhere, Path.GetFileName(file)), overwrite: true);
            }
            Directory.Delete(Place);
        }
        catch (IOException) when (Directory.Exists(Place))
        {
            // A file was renamed or came meanwhile: the caller tries again.
        }
    }

    public void BringBack()
    {
        File.Delete(Place);
        while (true)
        {
            try
            {
                Directory.Move(Elsewhere, Place);
                return;
            }
            catch (IOException) when (Directory.Exists(Place))
            {
                Directory.Delete(Place, recursive: true); // the grid has made it again meanwhile
            }
        }
    }

    /// <summary>Stops the grid so that nothing of its last moments reaches the store.</summary>
    public async Task CrashAsync(TestGrid grid)
    {
        TakeAway();
        await grid.DisposeAsync();
        BringBack();
    }

    /// <summary>Begins with the records of a folder.</summary>
    public void Put(string folder)
    {
        Directory.CreateDirectory(Place);
        foreach (var file in Directory.GetFiles(folder))
        {
            File.Copy(file, Path.Combine(Place, Path.GetFileName(file)));
        }
    }

    /// <summary>Bytes of the only stream's record, behind its ETag.</summary>
    public void Change(Action<Span<byte>> change)
    {
        var file = Streams.Single();
        var bytes = File.ReadAllBytes(file);
        change(bytes.AsSpan(ETagBytes));
        File.WriteAllBytes(file, bytes);
    }

    /// <summary>
    /// As if another silo had written the only stream's record once more: its owner must let go of the stream, and find it here.
    /// </summary>
    public void WriteAgain()
    {
        var file = Streams.Single();
        var bytes = File.ReadAllBytes(file);
        bytes[0]++; // of the ETag
        File.WriteAllBytes(file, [.. bytes[..ETagBytes], .. CheckpointBytes.OfNextOwner(bytes.AsSpan(ETagBytes))]);
    }

    /// <summary>The store loses all records.</summary>
    public void Forget() => Array.ForEach(Directory.GetFiles(Place, "*.checkpoint"), File.Delete);

    /// <summary>A copy of all records, by name.</summary>
    public Dictionary<string, byte[]> Copy() => Directory.GetFiles(Place, "*.checkpoint").ToDictionary(file => file, File.ReadAllBytes);

    /// <summary>The store is restored from a copy.</summary>
    public void Restore(Dictionary<string, byte[]> copy)
    {
        Forget();
        foreach (var (file, bytes) in copy)
        {
            bytes[0]++; // a store that is restored gives its records other ETags, or those of before: none that a silo knows
            File.WriteAllBytes(file, bytes);
        }
    }

    /// <summary>Whether any record holds the text.</summary>
    public bool Holds(string text) =>
        Directory.GetFiles(Place, "*.checkpoint").Any(file => Bytes(file).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(text)) >= 0);

    /// <summary>Names of all records, and what tells one write from the next.</summary>
    public Dictionary<string, string> Versions() =>
        Directory.GetFiles(Place, "*.checkpoint").ToDictionary(file => file, file => Convert.ToHexString(Bytes(file).AsSpan(0, ETagBytes)));

    /// <summary>Streams that have a record.</summary>
    public int Records => Streams.Count();

    // Beside them the store has event logs, usage records and lists of streams.
    private IEnumerable<string> Streams => Directory.GetFiles(Place, "*.checkpoint")
        .Where(file => Bytes(file) is { Length: > ETagBytes } bytes && bytes.AsSpan(ETagBytes).StartsWith("DGCP"u8));

    /// <summary>Empty when the grid has deleted the record meanwhile.</summary>
    private static byte[] Bytes(string file)
    {
        try
        {
            return File.ReadAllBytes(file);
        }
        catch (FileNotFoundException)
        {
            return [];
        }
    }

    public void Dispose() => _root.Delete(recursive: true);
}
