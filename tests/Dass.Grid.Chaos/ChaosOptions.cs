namespace Dass.Grid.Chaos;

/// <summary>What is run, from the command line.</summary>
/// <param name="Faults">One after the other, each in a grid of its own.</param>
/// <param name="Stores">For each of them all faults.</param>
/// <param name="Streams">Live at once.</param>
/// <param name="Seconds">Audio of each.</param>
/// <param name="CheckpointSeconds">Mean interval of checkpoints; null: the grid's default.</param>
/// <param name="Json">Whether the results are written as JSON.</param>
/// <param name="Verbose">Whether each stream's longest pause is written.</param>
/// <param name="Notify">Whether messages are drilled instead.</param>
internal sealed record ChaosOptions(
    IReadOnlyList<string> Faults, IReadOnlyList<string> Stores, int Streams, int Seconds, int? CheckpointSeconds, bool Json, bool Verbose,
    bool Notify = false)
{
    private const int ShortCheckpoint = 12; // from 8 s on: after the first kill, before the second

    public static readonly string Usage = $"""
        dotnet run -c Release --project tests/Dass.Grid.Chaos -- [--faults A,B] [--stores file,redis,postgres] [--streams N] [--seconds S]
              [--checkpoint S] [--short] [--format json] [--verbose] [--notify]
          --faults      {string.Join(", ", ChaosRun.Faults)}.
                        Default: all that a grid over the store can have.
                        full-disk needs root; network-pause root, ip and nft.
          --stores      Default: redis, postgres, file. Redis and PostgreSQL are Debian's servers, started on free ports.
          --streams     Live streams, in real time, of three tenants. Default: 100.
          --seconds     Audio of each stream. Default: 75.
          --checkpoint  Mean interval of checkpoints in seconds. Default: the grid's, so that streams are young when most faults come.
          --verbose     Prints each stream's longest pause and when it ended, in seconds since the stream began.
          drill         Instead of the above: four faults, each of which must fire its own alert in a real Prometheus within a minute.
          --notify      Instead: SIGKILL of `dass notify`, of its receiver and of a gateway in turn.
                        Default: 20 streams for 600 s.
          --short       Two faults, 20 streams, 45 s: what CI runs.
        """;

    public static ChaosOptions Parse(string[] args)
    {
        var options = args.Contains("--short")
            ? new ChaosOptions(["kill-young", "rolling-restart"], ["file"], 20, 45, ShortCheckpoint, false, false)
            : args.Contains("--notify") ? new ChaosOptions([], [], 20, 600, null, true, false, Notify: true)
            : new ChaosOptions(ChaosRun.Faults, ["redis", "postgres", "file"], 100, 75, null, false, false);
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
                "--short" or "--notify" => options,
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
