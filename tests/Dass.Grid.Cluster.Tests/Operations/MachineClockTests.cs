using System.Net;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Tests;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>The host as a program whose machine's clock is set while it runs.</summary>
public sealed class MachineClockTests : IDisposable
{
    private const string Library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("dass-clock-");

    public void Dispose() => _folder.Delete(recursive: true);

    [NeedsFact(Library, "faketime")]
    public async Task Streams_begin_end_and_are_forgotten_whichever_way_the_clock_is_set()
    {
        Set("+0");
        using var host = new HostProgram(
            environment:
            [
                ("LD_PRELOAD", Library), ("FAKETIME_TIMESTAMP_FILE", Clock), ("FAKETIME_NO_CACHE", "1"),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1"), ("DONT_FAKE_MONOTONIC", "1"),
            ],
            settings: ["Grid:Streams:Retention=00:00:01", "Grid:Streams:Upkeep=00:00:01"]);
        await host.ReadyAsync();
        using var live = await Feed.BeginAsync(host.Client, Babble.Config("live"));
        await live.SendBabbleAsync(0, Yard.Quarter);
        await live.AppliedAsync(Yard.Quarter);

        foreach (var (clock, at) in new[] { ("+6h", Yard.Half), ("+0", Yard.Half + Yard.Quarter), ("-30h", Babble.Samples) })
        {
            Set(clock);
            await BeginAndEndAsync(host, $"at.{clock[1..]}");
            Assert.Equal(HttpStatusCode.OK, (await host.ReadinessAsync())?.Status);
            await live.SendBabbleAsync((int)live.Applied, at);
            await live.AppliedAsync(at);
            Assert.Equal(StreamState.Live, await StateAsync(host, "live"));
        }
        await live.FinishAsync();
        Assert.Empty(live.Gaps);
        await BareSession.AssertEqualAsync(live.Tags, live.Summary!);
        Assert.DoesNotContain("fail:", host.Log, StringComparison.Ordinal);
    }

    private string Clock => Path.Combine(_folder.FullName, "clock");

    /// <summary>Sets the clock, as an offset from this machine's.</summary>
    private void Set(string offset)
    {
        File.WriteAllText(Clock + ".new", offset + "\n");
        File.Move(Clock + ".new", Clock, overwrite: true);
    }

    private static async Task BeginAndEndAsync(HostProgram host, string id)
    {
        using (var feed = await Feed.BeginAsync(host.Client, Babble.Config(id)))
        {
            await feed.SendBabbleAsync(0, Yard.Quarter);
            await feed.FinishAsync();
        }
        await TestGrid.UntilAsync(async () => await StateAsync(host, id) is null); // its retention is over
    }

    private static async Task<StreamState?> StateAsync(HostProgram host, string id)
    {
        try
        {
            return (await host.Client.GetStreamAsync(new GetStreamRequest { StreamId = id })).Entry.State;
        }
        catch (RpcException gone) when (gone.StatusCode == StatusCode.NotFound)
        {
            return null;
        }
    }
}
