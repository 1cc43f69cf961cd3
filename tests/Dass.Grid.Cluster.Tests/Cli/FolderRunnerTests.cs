using System.Globalization;
using Dass.Grid.Cli.Sources;
using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>Folders of recordings: which have been fed, and what their streams are called.</summary>
[Collection(SharedGridCollection.Name)]
public sealed class FolderRunnerTests(SharedGrid shared) : IDisposable
{
    private const string Ledger = ".dass-fed";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-folder-");
    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task A_card_that_takes_anothers_place_says_itself_what_has_been_fed()
    {
        var (slot, other) = (_directory.CreateSubdirectory("slot").FullName, _directory.CreateSubdirectory("other").FullName);
        Record(slot, "one.wav", age: 3);
        File.CreateSymbolicLink(Path.Combine(slot, Ledger), "nowhere/fed"); // a card that cannot be written
        var fed = Record(other, "two.wav", age: 2);
        Record(other, "three\n.wav", age: 1);
        await File.WriteAllTextAsync(
            Path.Combine(other, Ledger),
            string.Create(CultureInfo.InvariantCulture, $"{fed.LastWriteTimeUtc.Ticks} {fed.Length} {fed.Name}\n"));
        var spec = new SourceSpec { Id = "slot", Kind = SourceKind.Folder, Address = slot, Pattern = "*.wav" };
        using var grid = new GridClient(shared.Grid.Host.Address);
        using var stop = new CancellationTokenSource();
        var status = new SourceStatus(spec, _time);
        var running = new FolderRunner(spec, status, grid, new LiveFeedOptions { Time = _time }).RunAsync(stop.Token);
        await TestGrid.UntilAsync(() => status.Report().Note == "one.wav is done.", PassAsync);

        Directory.Move(slot, Path.Combine(_directory.FullName, "drawer"));
        Directory.Move(other, slot);
        string[] Lines() => File.ReadAllLines(Path.Combine(slot, Ledger));
        await TestGrid.UntilAsync(() => Lines().Length > 1, PassAsync);
        for (var look = 0; look < 5; look++)
        {
            await PassAsync();
        }
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);

        Assert.EndsWith(" three .wav", Assert.Single(Lines()[1..]), StringComparison.Ordinal);
        var none = await Assert.ThrowsAsync<RpcException>(
            async () => await shared.Client.GetStreamAsync(new GetStreamRequest { StreamId = "slot-two.wav" }));
        Assert.Equal(StatusCode.NotFound, none.StatusCode);
    }

    [Theory]
    [InlineData("A1_20260301_213000.wav", "cards-A1_20260301_213000.wav")]
    [InlineData("a b.wav", "cards-a_b.wav-667de278")]
    public void A_stream_is_called_as_its_source_and_its_file_are(string name, string id) =>
        Assert.Equal(id, FolderRunner.IdOf("cards", name));

    [Fact]
    public void No_two_recordings_have_one_stream()
    {
        var tail = new string('x', 200);
        string[] names = ["録音.wav", "日記.wav", "a b.wav", "a_b.wav", "a?b.wav", $"{tail}1.wav", $"{tail}2.wav", "a.wav", "A.wav"];
        var ids = names.Select(name => FolderRunner.IdOf("cards", name)).ToArray();
        Assert.Equal(names.Length, ids.Distinct(StringComparer.Ordinal).Count());
        Assert.All(ids, id => Assert.Matches("^cards-[A-Za-z0-9._~-]{1,122}$", id));
    }

    private FileInfo Record(string folder, string name, int age)
    {
        var path = Path.Combine(folder, name);
        File.Copy(Dass.Babble, path);
        File.SetLastWriteTimeUtc(path, new DateTime(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc).AddHours(-age));
        return new FileInfo(path);
    }

    private Task PassAsync()
    {
        _time.Advance(TimeSpan.FromSeconds(2));
        return Task.Delay(50);
    }
}
