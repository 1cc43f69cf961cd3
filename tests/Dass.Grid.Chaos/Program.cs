using System.Globalization;
using System.Text.Json;
using Dass.Grid.Chaos;
using Dass.Grid.Chaos.Drill;
using Dass.Grid.Chaos.Notify;
using Dass.Grid.Host;
using Spectre.Console;

if (args is ["host", .. var hostArgs])
{
    await GridHost.Build(hostArgs).RunAsync();
    return 0;
}
if (args is ["drill", .. var drillArgs])
{
    return await DrillCommand.RunAsync(drillArgs);
}
if (args is ["receiver", var port, var received])
{
    await Receiver.RunAsync(int.Parse(port, CultureInfo.InvariantCulture), received);
    return 0;
}
ChaosOptions options;
try
{
    options = ChaosOptions.Parse(args);
}
catch (ArgumentException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    Console.Error.WriteLine(ChaosOptions.Usage);
    return 2;
}

var directory = Directory.CreateTempSubdirectory("dass-chaos-");
File.SetUnixFileMode(
    directory.FullName,
    UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
void Say(string text) => Console.Error.WriteLine($"{TimeProvider.System.GetLocalNow():HH:mm:ss} {text}");

if (options.Notify)
{
    var drill = await new NotifyDrill(directory.FullName, options.Streams, options.Seconds, Say).RunAsync(CancellationToken.None);
    Console.WriteLine(JsonSerializer.Serialize(drill));
    if (!drill.Passed)
    {
        Console.Error.WriteLine($"A message was lost, doubled or out of order; logs are in {directory.FullName}.");
    }
    return drill.Passed ? 0 : 1;
}

string Sums(IReadOnlyList<Seen> seen) => $"{seen.Sum(kind => kind.Lost)} / {seen.Sum(kind => kind.Doubled)}";

const int Variants = 20;
Audio16k[] audio = [.. Enumerable.Range(0, Math.Min(Variants, options.Streams)).Select(variant => new Audio16k(variant, options.Seconds))];
Say($"what an undisturbed engine hears in {audio.Length} recordings of {options.Seconds} s …");
var expected = await Reference.HearAsync(audio, CancellationToken.None);

var results = new List<ChaosResult>();
var notPossible = new List<object>();
foreach (var kind in options.Stores)
{
    foreach (var fault in options.Faults.Where(fault => ChaosRun.IsPossible(fault, kind)))
    {
        if (ChaosRun.Missing(fault) is { } missing)
        {
            Say($"{fault} is not possible here: {missing}.");
            notPossible.Add(new { fault, store = kind, reason = missing });
            continue;
        }
        var place = directory.CreateSubdirectory($"{kind}-{fault}");
        File.SetUnixFileMode(place.FullName, (UnixFileMode)511);
        using var island = fault == "network-pause" ? new NetworkIsland() : null;
        await using var store = new StoreServer(kind, place.FullName, island?.Mainland ?? "127.0.0.1");
        await store.StartAsync(CancellationToken.None);
        var run = new ChaosRun(fault, store, island, place.FullName, options, Say);
        var result = await run.RunAsync(audio, expected, CancellationToken.None);
        results.Add(result);
        Say(JsonSerializer.Serialize(result));
    }
}

if (options.Json)
{
    Console.WriteLine(JsonSerializer.Serialize(new { runs = results, not_possible = notPossible }));
}
else
{
    var table = new Table().AddColumns(
        "fault", "store", "streams", "feeders lost / doubled", "subscribers lost / doubled", "kept lost / doubled / moved", "usage",
        "largest score difference", "pause p50 / p99 / max", "ready again");
    foreach (var result in results)
    {
        table.AddRow(
            result.Fault, result.Store, $"{result.Streams}", Sums(result.Feeders), Sums(result.Subscribers),
            $"{result.Kept.Lost} / {result.Kept.Doubled} / {result.Kept.Moved}", result.Kept.Usage.Count == 0 ? "exact" : "WRONG",
            $"{result.MaxScoreDifference:0.0e0}", $"{result.Gap.P50:0} / {result.Gap.P99:0} / {result.Gap.Max:0} ms",
            result.ReadyAgain is { } seconds ? $"{seconds:0} s" : "");
    }
    AnsiConsole.Write(table);
}
if (results.Count == 0)
{
    Console.Error.WriteLine("None of these faults is possible here.");
    return 2;
}
if (results.All(result => result.Passed))
{
    directory.Delete(recursive: true);
    return 0;
}
Console.Error.WriteLine($"Something was lost, doubled or different; the processes' logs are in {directory.FullName}.");
return 1;
