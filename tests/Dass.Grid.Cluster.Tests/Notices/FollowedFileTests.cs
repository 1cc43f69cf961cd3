using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Notify.Routes;
using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>Files that are read again when they change.</summary>
public sealed partial class FollowedFileTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-followed-");

    private string Rules => Path.Combine(_directory.FullName, "rules.json");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Rules_that_change_before_they_run_are_read_again()
    {
        await File.WriteAllTextAsync(Rules, """{ "destinations": {}, "rules": [] }""");
        var rules = await RuleFile.ReadAsync(Rules, CancellationToken.None);
        await File.WriteAllTextAsync(Rules, "{");
        File.SetLastWriteTimeUtc(Rules, DateTime.UtcNow.AddSeconds(2)); // also on a file system of whole seconds
        var notes = new ConcurrentQueue<string>();
        using var grid = new GridClient(new Uri("http://127.0.0.1:1"));
        using var stop = new CancellationTokenSource();
        await using var service = new NotifyService(grid, new NotifyOptions
        {
            StateDirectory = Path.Combine(_directory.FullName, "state"),
            Note = notes.Enqueue,
            Look = TimeSpan.FromSeconds(0.05),
        });
        var running = service.RunAsync(Rules, rules, stop.Token);
        await TestGrid.UntilAsync(() => notes.Any(note => note.Contains("the rules of before go on", StringComparison.Ordinal)));
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public void A_file_in_a_directory_that_may_not_be_searched_is_away()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        File.WriteAllText(Rules, "{}");
        File.SetUnixFileMode(_directory.FullName, UnixFileMode.None);
        var (written, failure) = (DateTime.MaxValue, default(Exception));
        var thread = new Thread(() =>
        {
            _ = SetFileUser(65_534); // root may search all directories; the user is that of this thread alone
            failure = Record.Exception(() => { written = FollowedFile.WrittenUtc(Rules); });
        });
        thread.Start();
        thread.Join();
        File.SetUnixFileMode(_directory.FullName, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Assert.Null(failure);
        Assert.True(written.Year < 1700);
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetFileUser(uint user);
}
