namespace Dass.Grid.Notify.State;

/// <summary>Where rules keep how far they are. One process at a time uses it.</summary>
internal sealed class StateDirectory : IDisposable
{
    private readonly FileStream _lock;

    /// <exception cref="IOException">Another process uses it, or it cannot be made.</exception>
    public StateDirectory(string path)
    {
        Path = System.IO.Path.GetFullPath(path);
        DurableFile.MakeDirectory(Path);
        DurableFile.MakeDirectory(System.IO.Path.Combine(Path, "dead-letters"));
        try
        {
            _lock = new FileStream(
                System.IO.Path.Combine(Path, "lock"), DurableFile.Owners(FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException taken)
        {
            throw new IOException($"the state directory {Path} cannot be used: {taken.Message} One 'dass notify' at a time may use it.");
        }
    }

    public string Path { get; }

    /// <summary>Of the user, for a file of rules whose state's place is not given.</summary>
    /// <param name="rules">The file of rules: each has a directory of its own.</param>
    public static string DefaultFor(string rules)
    {
        var home = Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state ? state
            : System.IO.Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify),
                ".local", "state");
        var full = System.IO.Path.GetFullPath(rules);
        var hash = System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(full));
        return System.IO.Path.Combine(
            home, "dass-grid", "notify", $"{System.IO.Path.GetFileNameWithoutExtension(full)}-{Convert.ToHexStringLower(hash)[..8]}");
    }

    /// <summary>Makes it and writes to it, also while another process uses it.</summary>
    /// <exception cref="IOException">It cannot be made or written to.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static void Try(string path)
    {
        DurableFile.MakeDirectory(System.IO.Path.GetFullPath(path));
        var probe = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Options = FileOptions.DeleteOnClose };
        new FileStream(System.IO.Path.Combine(path, $"probe-{Environment.ProcessId}"), probe).Dispose();
    }

    public string JournalOf(string route) => System.IO.Path.Combine(Path, $"{route}.journal");

    public string DeadLettersOf(string route) => System.IO.Path.Combine(Path, "dead-letters", $"{route}.jsonl");

    public void Dispose() => _lock.Dispose();
}
