namespace Dass.Grid.Chaos;

/// <summary>What is run, from the command line.</summary>
internal sealed record ChaosOptions(
    IReadOnlyList<string> Faults, IReadOnlyList<string> Stores, int Streams, int Seconds, int CheckpointSeconds, bool Json, bool Verbose)
{
    public static readonly string Usage = $"""
        dotnet run -c Release --project tests/Dass.Grid.Chaos -- [--faults A,B] [--stores file,redis,postgres] [--streams N] [--seconds S]
              [--checkpoint S] [--short] [--format json] [--verbose]
          --faults      {string.Join(", ", ChaosRun.Faults)}.
                        Default: all that a grid over the store can have.
                        full-disk needs root; network-pause root, ip and nft.
          --stores      Default: redis, postgres, file. Redis and PostgreSQL are Debian's servers, started on free ports.
          --streams     Live streams, in real time, of three tenants. Default: 100.
          --seconds     Audio of each stream. Default: 75.
          --checkpoint  Mean interval of checkpoints in seconds. Default: 15.
          --verbose     Prints each stream's longest pause and when it ended, in seconds since the stream began.
          --short       Two faults, 20 streams, 60 s: what CI runs.
        """;

    public static ChaosOptions Parse(string[] args)
    {
        var options = args.Contains("--short")
            ? new ChaosOptions(["kill-silo", "rolling-restart"], ["file"], 20, 60, 8, false, false)
            : new ChaosOptions(ChaosRun.Faults, ["redis", "postgres", "file"], 100, 75, 15, false, false);
        for (var i = 0; i < args.Length; i++)
        {
            string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.");
            int Number() => int.TryParse(Value(), out var number) && number > 0
                ? number
                : throw new ArgumentException($"{args[i - 1]} is '{args[i]}'; a whole number above 0.");
            options = args[i] switch
            {
                "--faults" => options with { Faults = Known(Value(), ChaosRun.Faults) },
                "--stores" => options with { Stores = Known(Value(), ["file", "redis", "postgres"]) },
                "--streams" => options with { Streams = Number() },
                "--seconds" => options with { Seconds = Number() },
                "--checkpoint" => options with { CheckpointSeconds = Number() },
                "--format" => options with { Json = Value() == "json" },
                "--verbose" => options with { Verbose = true },
                "--short" => options,
                _ => throw new ArgumentException($"'{args[i]}' is no option."),
            };
        }
        return options;
    }

    private static string[] Known(string list, IReadOnlyList<string> all) =>
    [
        .. list.Split(',').Select(name => all.Contains(name)
            ? name
            : throw new ArgumentException($"'{name}' is not one of {string.Join(", ", all)}.")),
    ];
}
