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
        await using var service = Service(grid, notes);
        var running = service.RunAsync(Rules, rules, stop.Token);
        await TestGrid.UntilAsync(() => notes.Any(note => note.Contains("the rules of before go on", StringComparison.Ordinal)));
        await stop.CancelAsync();
        await running;
    }

    [Fact]
    public async Task Rules_are_read_again_when_a_file_of_theirs_is_written_anew_or_comes_late()
    {
        var secret = Path.Combine(_directory.FullName, "secret");
        string Text(string file) =>
            $$"""{ "destinations": { "a": { "webhook": "https://x", "secret_file": "{{file}}" } }, "rules": [] }""";
        void Write(string file, int minutes)
        {
            File.WriteAllText(file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(minutes));
        }
        Write(secret, -3);
        await File.WriteAllTextAsync(Rules, Text(secret));
        await using var grid = await TestGrid.StartAsync();
        using var client = new GridClient(grid.Host.Address);
        var notes = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource();
        await using var service = Service(client, notes);
        var running = service.RunAsync(Rules, await RuleFile.ReadAsync(Rules, CancellationToken.None), stop.Token);
        int Changes() => notes.Count(note => note.EndsWith("0 rules.", StringComparison.Ordinal));

        Write(secret, -2);
        await TestGrid.UntilAsync(() => Changes() == 1);
        await File.WriteAllTextAsync(Rules, Text(secret + ".next"));
        File.SetLastWriteTimeUtc(Rules, DateTime.UtcNow.AddMinutes(-1));
        await TestGrid.UntilAsync(() => notes.Any(note => note.Contains("the rules of before go on", StringComparison.Ordinal)));
        Write(secret + ".next", -1);
        await TestGrid.UntilAsync(() => Changes() == 2);
        await stop.CancelAsync();
        await running;
        Assert.Equal(3, notes.Count);
    }

    [Fact]
    public async Task A_rule_that_cannot_begin_holds_up_no_other_and_is_tried_again()
    {
        string Text(params string[] rules) => $$"""
            { "destinations": { "log": { "file": "{{Path.Combine(_directory.FullName, "log")}}" } },
              "rules": [ {{string.Join(", ", rules.Select(rule => $$"""{ "name": "{{rule}}", "to": "log" }"""))}} ] }
            """;
        await File.WriteAllTextAsync(Rules, Text("a"));
        await using var grid = await TestGrid.StartAsync();
        using var client = new GridClient(grid.Host.Address);
        var notes = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource();
        await using var service = Service(client, notes);
        var blocked = Directory.CreateDirectory(Path.Combine(_directory.FullName, "state", "b@log.journal"));
        var running = service.RunAsync(Rules, await RuleFile.ReadAsync(Rules, CancellationToken.None), stop.Token);

        await File.WriteAllTextAsync(Rules, Text("a", "b", "c"));
        File.SetLastWriteTimeUtc(Rules, DateTime.UtcNow.AddSeconds(2));
        await TestGrid.UntilAsync(() => notes.Any(note => note.Contains("not all of its rules can begin", StringComparison.Ordinal)));
        Assert.Equal(["a", "c"], service.Reports.Select(report => report.Rule));
        blocked.Delete();
        await TestGrid.UntilAsync(() => service.Reports.Count == 3);
        await stop.CancelAsync();
        await running;
        Assert.Empty(service.Reports);
    }

    [Fact]
    public async Task Rules_that_cannot_all_begin_at_the_start_leave_none_behind()
    {
        await File.WriteAllTextAsync(
            Rules,
            """{ "destinations": { "log": { "file": "x" } }, "rules": [ { "name": "a", "to": "log" }, { "name": "b", "to": "log" } ] }""");
        using var nowhere = new GridClient(new Uri("http://127.0.0.1:1"));
        await using var service = Service(nowhere, []);
        Directory.CreateDirectory(Path.Combine(_directory.FullName, "state", "b@log.journal"));
        var rules = await RuleFile.ReadAsync(Rules, CancellationToken.None);
        await Assert.ThrowsAsync<IOException>(() => service.RunAsync(Rules, rules, CancellationToken.None));
        Assert.Empty(service.Reports);
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

    private NotifyService Service(GridClient grid, ConcurrentQueue<string> notes) => new(grid, new NotifyOptions
    {
        StateDirectory = Path.Combine(_directory.FullName, "state"),
        Note = notes.Enqueue,
        Look = TimeSpan.FromSeconds(0.05),
    });

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetFileUser(uint user);
}
