using System.CommandLine;
using System.Globalization;
using Dass.Grid.Host;
using Dass.Grid.Soak;
using Dass.Grid.Soak.Feed;

if (args is ["host", .. var hostArgs])
{
    _ = Task.Factory.StartNew(
        HostProcess.CollectWhenAsked, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    await GridHost.Build(hostArgs).RunAsync();
    return 0;
}
Option<T> Setting<T>(string name, T absent, string description, Func<T, bool> rule, string wording)
    where T : IParsable<T> => new(name)
    {
        Description = $"{description}, {wording}.",
        DefaultValueFactory = _ => absent,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (T.TryParse(text, CultureInfo.InvariantCulture, out var value) && rule(value))
            {
                return value;
            }
            result.AddError($"{name} is '{text}'; {wording}.");
            return absent;
        },
    };
var minutes = Setting("--minutes", 30.0, "How long streams begin and go on", value => value is > 0 and <= 100_000, "minutes above 0");
var streams = Setting("--streams", 300, "Live streams", value => value is >= 1 and <= 100_000, "1 to 100000");
var tenants = Setting("--tenants", 10, "Tenants that share them", value => value is >= 1 and <= 1_000, "1 to 1000");
var chunk = Setting("--chunk", 0.96, "Seconds of a chunk", value => value is >= 0.32 and <= 10.24, "a multiple of 0.32 to 10.24");
var lookAhead = Setting("--look-ahead", 0.0, "Seconds of context after it", value => value is >= 0 and <= 10.24, "0 to 10.24");
var growth = Setting(
    "--growth",
    0.02,
    "How far the lower quartile of resident memory in the last third may lie above that of the third before",
    value => value >= 0,
    "a share");
var attack = new Option<bool>("--attack")
{
    Description = "An attacker beside the streams for the half of the time in the middle: may their tags come later, does memory stay?",
};
var format = Setting("--format", "table", "What is written", value => value is "table" or "json", "table or json");
var command = new RootCommand(
    "Many live streams of many tenants against one host: is its memory flat, are its usage records and event logs exact? "
    + "Exit codes: 0 both are, 1 not, 2 wrong usage.")
{
    minutes, streams, tenants, chunk, lookAhead, growth, attack, format,
};
command.SetAction(async (parsed, cancellationToken) =>
{
    var options = new SoakOptions(
        parsed.GetValue(minutes), parsed.GetValue(streams), parsed.GetValue(tenants), TimeSpan.FromSeconds(parsed.GetValue(chunk)),
        TimeSpan.FromSeconds(parsed.GetValue(lookAhead)), parsed.GetValue(growth), parsed.GetValue(attack));
    var directory = Directory.CreateTempSubdirectory("dass-soak-");
    var log = Path.Combine(directory.FullName, "host.log");
    SoakResult result;
    using (var host = new HostProcess(SoakRun.Settings(options, Path.Combine(directory.FullName, "store")), log))
    {
        await host.ReadyAsync(cancellationToken);
        result = await new SoakRun(options, host).RunAsync(Report.Minute, cancellationToken);
    }
    Report.Write(result, parsed.GetValue(format) == "json");
    if (result.Passed)
    {
        directory.Delete(recursive: true);
        return 0;
    }
    Console.Error.WriteLine($"The host's log and store are in {directory.FullName}.");
    return 1;
});
var feedMinutes = Setting("--minutes", 60.0, "How long the sources are fed", value => value is > 0 and <= 100_000, "minutes above 0");
var sources = Setting("--sources", 50, "Sources that misbehave", value => value is >= 1 and <= 10_000, "1 to 10000");
var feed = new Command("feed", "'dass feed' with sources that die, hang, change their rate, stop and come back. Needs ffmpeg.")
{
    feedMinutes, sources,
};
feed.SetAction(async (parsed, cancellationToken) =>
{
    var directory = Directory.CreateTempSubdirectory("dass-feed-soak-").FullName;
    Dictionary<string, string> settings = new() { ["Grid:StoreDirectory"] = Path.Combine(directory, "store") };
    using var host = new HostProcess(settings, Path.Combine(directory, "host.log"));
    await host.ReadyAsync(cancellationToken);
    Console.Error.WriteLine($"Logs and store are in {directory}.");
    var soak = new FeedSoak(host, parsed.GetValue(sources), TimeSpan.FromMinutes(parsed.GetValue(feedMinutes)), directory);
    return await soak.RunAsync(cancellationToken) ? 0 : 1;
});
command.Add(feed);
var line = command.Parse(args);
var code = await line.InvokeAsync();
return line.Errors.Count > 0 ? 2 : code;
