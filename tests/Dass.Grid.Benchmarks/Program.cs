using System.Text.Json;
using Dass.Grid.Benchmarks;
using Spectre.Console;

if (args is [HostProcess.Argument, ..])
{
    await HostProcess.RunAsync(args[1..]);
    return 0;
}

// Each benchmark is independent; naming some runs only those, and "scale" all whose names begin with it.
(string Name, Func<IEnumerable<Figure>> Run)[] benchmarks =
[
    ("step", () => StepBenchmark.Run(repetitions: 25)),
    ("scan", () => ScanBenchmark.Run(repetitions: 50)),
    ("front-end", () => FrontEndBenchmark.Run(repetitions: 500)),
    ("fairness", () => FairnessBenchmark.Run(seconds: 20)),
    ("records", RecordsBenchmark.Run),
    ("grid", () => GridBenchmark.Run(repetitions: 5)),
    ("memory", GridBenchmark.RunMemory),
    ("host", HostBenchmark.Run),
    ("quiet", QuietBenchmark.Run),
    ("layers", () => LayersBenchmark.Run().ToFigures()),
    ("scale-free", ScaleBenchmark.RunFree),
    ("scale-built-in", ScaleBenchmark.RunBuiltIn),
    ("scale-messages", ScaleMessages.Run),
    ("scale-paper", ScaleModel.Run),
];

var json = args.Contains("json");
var names = args.Where(arg => arg is not ("--format" or "json" or "table")).ToArray();
if (json && names is ["layers"])
{
    Console.WriteLine(JsonSerializer.Serialize(LayersBenchmark.Run().ToJson()));
    return 0;
}
if (names.FirstOrDefault(name => !benchmarks.Any(benchmark => IsCalled(benchmark.Name, name))) is { } unknown)
{
    Console.Error.WriteLine(
        $"No benchmark is called '{unknown}'. There are: {string.Join(", ", benchmarks.Select(benchmark => benchmark.Name))}.");
    return 2;
}

var table = new Table().AddColumns("what", "figure", "compared in the same run");
foreach (var (name, run) in benchmarks.Where(benchmark => names.Length == 0 || names.Any(asked => IsCalled(benchmark.Name, asked))))
{
    Console.Error.WriteLine($"{name} …");
    foreach (var figure in run())
    {
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(figure));
        }
        else
        {
            table.AddRow(Markup.Escape(figure.Name), Markup.Escape(figure.Value), Markup.Escape(figure.Comparison));
        }
    }
}
if (!json)
{
    AnsiConsole.Write(table);
}
return 0;

static bool IsCalled(string benchmark, string name) =>
    benchmark == name || benchmark.StartsWith($"{name}-", StringComparison.Ordinal);
