using Dass.Grid.Contracts;
using Dass.Grid.Host;

namespace Dass.Grid.Benchmarks;

/// <summary>What the store writes for a few more records of a tenant that has many already: events, and usage.</summary>
internal static class RecordsBenchmark
{
    private const int More = 10;
    private const int Repetitions = 5;
    private static readonly DateTimeOffset Begun = DateTimeOffset.UnixEpoch.AddYears(50);

    public static IEnumerable<Figure> Run() => CompareAsync().GetAwaiter().GetResult();

    private static async Task<Figure[]> CompareAsync()
    {
        var folder = Directory.CreateTempSubdirectory("dass-records-");
        try
        {
            await using var grid = await EmbeddedGrid.StartAsync(
                new() { ["Grid:Store"] = "file", ["Grid:StoreDirectory"] = folder.FullName }, configure: null);
            return
            [
                await GrowAsync(folder, $"events of five minutes: {More} more", 45_000, AppendAsync),
                await GrowAsync(folder, $"use of streams that have ended within an hour: {More} more", 10_000, ReportAsync),
            ];

            Task AppendAsync(int first, int count) =>
                grid.Grains.GetGrain<IEventLogGrain>(new EventLogKey("acme", EventLogKey.SpanOf(Begun)).ToString())
                    .Append([.. Enumerable.Range(first, count).Select(Event)]);

            LoggedEvent Event(int i) =>
                new($"mic-{i % 1000}", Begun, $"{i}-22", Begun, 1.92, 4.8, "/m/0bt9lr", "Dog", 0.75f, 0.6f, "built-in");

            Task ReportAsync(int first, int count) => Task.WhenAll(Enumerable.Range(first, count).Select(i =>
                grid.Grains.GetGrain<IUsageGrain>("acme").Report(new UsageSpan($"mic-{i}", Begun, 0, "built-in", 60.5, 3, Final: true))));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<Figure> GrowAsync(DirectoryInfo folder, string what, int many, Func<int, int, Task> addAsync)
    {
        var before = Records();
        await addAsync(0, many);
        var all = Written();
        var most = 0L;
        for (var i = 0; i < Repetitions; i++)
        {
            before = Records();
            await addAsync(many + i * More, More);
            most = Math.Max(most, Written());
        }
        var share = $"{100.0 * most / all:0.0} % of what the store holds of them ({all / 1e6:0.0} MB)";
        return new Figure($"{what} of {many:N0}", $"{most / 1e3:0} kB written", share, most);

        long Written() => Records().Except(before).Sum(record => record.Length);

        HashSet<(string Name, DateTime Time, long Length)> Records() =>
            [.. folder.GetFiles("*.checkpoint").Select(file => (file.Name, file.LastWriteTimeUtc, file.Length))];
    }
}
