using System.Diagnostics;
using System.Net;
using System.Text;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Tests;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>The host and <c>dass</c> as programs where machines are short of something, or speak another language.</summary>
public sealed class MachineTests
{
    /// <summary>Mounts of its own, without being root.</summary>
    private static readonly string[] Mounts = ["unshare", "-rm"];

    [NeedsFact("bash", "bash")]
    public async Task Too_few_open_files_are_named_with_what_to_do()
    {
        using (var host = new HostProgram("ulimit -n 64"))
        {
            Assert.Equal(1, await host.ExitAsync());
            Assert.Contains("The limit of open files is 64. A grid needs 400, and one more for each connection. ", host.Log);
        }
        var (code, _, errors) = await RunAsync("ulimit -n 64", [], "streams");
        Assert.Equal(1, code);
        Assert.StartsWith("The limit of open files is 64. dass needs 128", errors);
    }

    [NeedsFact("bash", "bash")]
    public async Task What_is_asked_for_is_enough()
    {
        using (var host = new HostProgram("ulimit -n 400"))
        {
            await host.ReadyAsync();
            using var feed = await Feed.BeginAsync(host.Client, Babble.Config("few-files"));
            await feed.SendBabbleAsync(0, Babble.Samples);
            await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        }
        var (code, output, errors) = await RunAsync(
            "ulimit -n 128", [], "tag", Cli.Dass.Babble, "--model", TestGrid.TinyModel, "--format", "json");
        Assert.True(code == 0, errors);
        Assert.Contains("\"model\":\"tiny\"", Encoding.UTF8.GetString(output));
    }

    [Theory]
    [InlineData("/no/such/model", "Grid:Models:tiny:ModelDirectory=/no/such/model")]
    [InlineData("Grid:SiloCertificate (/no/such.pem", "Grid:SiloCertificate=/no/such.pem", "Grid:SiloAuthority=/no/such.pem")]
    public async Task What_a_start_fails_for_is_told_in_a_line(string told, params string[] settings)
    {
        using var host = new HostProgram(settings: settings);
        Assert.Equal(1, await host.ExitAsync());
        Assert.Contains(told, host.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled exception", host.Log, StringComparison.Ordinal);
    }

    [NeedsMountsFact]
    public async Task A_root_that_is_read_only_carries_a_grid_without_a_store_and_is_named_to_one_with()
    {
        const string ReadOnly = "mount -o remount,ro,bind /";
        using (var host = new HostProgram(ReadOnly, Mounts))
        {
            await host.ReadyAsync();
            using var feed = await Feed.BeginAsync(host.Client, Babble.Config("read-only"));
            await feed.SendBabbleAsync(0, Yard.Quarter);
            await feed.FinishAsync();
        }
        using var stored = new HostProgram(ReadOnly, Mounts, settings: ["Grid:Store=file", "Grid:StoreDirectory=/var/lib/dass-test"]);
        Assert.Equal(2, await stored.ExitAsync());
        Assert.Contains("Grid:StoreDirectory is '/var/lib/dass-test', which cannot be used: Read-only file system", stored.Log);
    }

    [NeedsMountsFact]
    public async Task A_full_disk_is_told_and_takes_no_tags()
    {
        using var host = new HostProgram(
            "mount -t tmpfs -o size=40k disk /mnt", Mounts,
            settings: ["Grid:Store=file", "Grid:StoreDirectory=/mnt/store", "Grid:Streams:CheckpointInterval=00:00:01"]);
        await host.ReadyAsync();
        using var feed = await Feed.BeginAsync(host.Client, Babble.Config("full"));
        await feed.SendBabbleAsync(0, Yard.Half);
        await feed.AppliedAsync(Yard.Half);
        await TestGrid.UntilAsync(() => host.Log.Contains("No space left on device", StringComparison.Ordinal));
        Assert.Contains("was not written; tried again. Audio since sample 0 must be sent again if this silo fails now.", host.Log);
        await feed.SendBabbleAsync(Yard.Half, Babble.Samples);
        await feed.AppliedAsync(Babble.Samples);
        Assert.Equal(0, feed.Acks[^1].DurableSample);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        Assert.Equal(HttpStatusCode.OK, (await host.ReadinessAsync())?.Status); // it serves; the age of checkpoints raises the alert
    }

    [NeedsFact("bash", "bash")]
    public async Task Output_is_the_same_utf8_in_every_locale()
    {
        // A locale of plain ASCII, one with a decimal comma, one with letters of its own, and two of another encoding.
        string[] locales = ["C", "de_DE.UTF-8", "de_DE.ISO-8859-1", "tr_TR.UTF-8", "tr_TR.ISO-8859-9"];
        var folder = Directory.CreateTempSubdirectory("dass-locale-");
        var file = Path.Combine(folder.FullName, "Übel ißt ı.wav");
        File.Copy(Cli.Dass.Babble, file);
        foreach (var (format, others) in new[] { ("table", locales), ("csv", locales[1..2]), ("json", locales[1..2]) })
        {
            byte[]? first = null;
            foreach (var locale in (string[])["C.UTF-8", .. others])
            {
                var (code, output, errors) = await RunAsync(
                    "", [$"LC_ALL={locale}", $"LANG={locale}"], "tag", file, "--model", TestGrid.TinyModel, "--format", format);
                Assert.True(code == 0, errors);
                Assert.Contains("Übel ißt ı.wav", new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(output));
                Assert.Equal(first ??= output, output);
            }
        }
        folder.Delete(recursive: true);
    }

    /// <summary>Runs <c>dass</c> behind a line of the shell.</summary>
    private static async Task<(int Code, byte[] Output, string Errors)> RunAsync(
        string shell, string[] variables, params string[] arguments)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "dass.dll");
        string[] command = ["-c", $"{shell}\nexec env \"$@\"", "dass", .. variables, "dotnet", program, .. arguments];
        var start = new ProcessStartInfo("bash", command) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var patience = new CancellationTokenSource(TestGrid.Patience);
        using var dass = Process.Start(start)!;
        var errors = dass.StandardError.ReadToEndAsync(patience.Token);
        using var output = new MemoryStream();
        await dass.StandardOutput.BaseStream.CopyToAsync(output, patience.Token);
        await dass.WaitForExitAsync(patience.Token);
        return (dass.ExitCode, output.ToArray(), await errors);
    }
}
