using System.CommandLine;
using System.Globalization;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Option = System.CommandLine.Option;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass streams</c>, <c>models</c>, <c>usage</c> and <c>close</c>: what a tenant has on a grid.</summary>
internal static class GridListings
{
    public static Command Streams()
    {
        var prefix = new Option<string?>("--prefix") { HelpName = "TEXT", Description = "Streams whose ids begin so (default: all)." };
        var live = new Option<bool>("--live") { Description = "Without those that have ended." };
        const string what = "Lists the streams of a grid: what each hears, how loud it is, when it last had audio.";
        return Make("streams", what, [prefix, live], async (grid, format, parsed, cancellationToken) =>
        {
            var streams = new List<StreamEntry>();
            var request = new ListStreamsRequest { PageSize = 1_000 };
            do
            {
                var page = await grid.ListStreamsAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);
                streams.AddRange(page.Streams.Where(stream =>
                    stream.StreamId.StartsWith(parsed.GetValue(prefix) ?? "", StringComparison.Ordinal)
                    && !(parsed.GetValue(live) && stream.State == StreamState.Ended)));
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            var now = TimeProvider.System.GetUtcNow();
            Listing.Write(
                format, streams, ["stream", "state", "model", "begun", "last audio", "level dBFS", "heard"],
                stream =>
                [
                    stream.StreamId, State(stream), stream.Model, Time(stream.Begun), Ago(stream.Health?.LastAudio, now, format),
                    stream.Health?.Level?.RmsDbfs.ToString("0", CultureInfo.InvariantCulture) ?? "",
                    stream.Health is null ? "" : LineView.List(stream.Health.Top),
                ]);
        });
    }

    private static string State(StreamEntry stream) => stream switch
    {
        { State: StreamState.Ended } => "ended",
        { Health: { } health } => health.Attached ? "live" : "no client",
        _ => "no report", // younger than its first report, or asleep
    };

    public static Command Models() => Make("models", "Lists the models of a grid.", [], async (grid, format, _, cancellationToken) =>
    {
        var answer = await grid.ListModelsAsync(new ListModelsRequest(), cancellationToken: cancellationToken).ConfigureAwait(false);
        Listing.Write(
            format, answer.Models, ["model", "default", "labels", "offered", "hash"],
            model => [model.Name, model.IsDefault ? "yes" : "", $"{model.LabelCount}", Offered(model), model.Hash]);
    });

    /// <summary>How many of its labels a model offers; empty where a grid of an earlier version does not say.</summary>
    public static string Offered(ModelInfo model) => model.OfferedLabelCount > 0 ? $"{model.OfferedLabelCount}" : "";

    public static Command Usage() => Make("usage", "What the key's tenant has used since its first stream.", [], async (
        grid, format, _, cancellationToken) =>
    {
        var answer = await grid.GetUsageAsync(new GetUsageRequest(), cancellationToken: cancellationToken).ConfigureAwait(false);
        Listing.Write(
            format, answer.Models, ["model", "audio seconds", "streams", "events"],
            model =>
            [
                model.Model, model.AudioSeconds.ToString("0.00", CultureInfo.InvariantCulture), $"{model.Streams}", $"{model.Events}",
            ]);
    });

    public static Command Close()
    {
        var id = new Argument<string>("ID") { Description = "The stream." };
        var top = Options.Top(10);
        return Make("close", "Ends a stream, and shows its summary.", [id, top], async (grid, format, parsed, cancellationToken) =>
        {
            var answer = await grid.CloseStreamAsync(
                new CloseStreamRequest
                {
                    StreamId = parsed.GetValue(id), Filter = new TagFilter { Top = parsed.GetValue(top)!.Value },
                },
                cancellationToken: cancellationToken).ConfigureAwait(false);
            if (format == OutputFormat.Json)
            {
                Console.Out.WriteLine(Listing.Json.Format(answer));
                return;
            }
            Listing.Write(format, answer.Summary.Max, ["label", "max"], score => [score.Name, Scores.Text(score.Score)]);
        });
    }

    private static string Time(Timestamp? time) =>
        time?.ToDateTime().ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "";

    /// <summary>For a person how long ago, for a program when.</summary>
    private static string Ago(Timestamp? time, DateTimeOffset now, OutputFormat format) =>
        time is null ? "" : format == OutputFormat.Csv ? Time(time)
        : (now - time.ToDateTimeOffset()) is var ago && ago.TotalSeconds < 120
            ? FormattableString.Invariant($"{Math.Max(0, ago.TotalSeconds):0} s ago")
            : FormattableString.Invariant($"{ago.TotalMinutes:0} min ago");

    private static Command Make(
        string name, string description, Symbol[] symbols,
        Func<Tagging.TaggingClient, OutputFormat, ParseResult, CancellationToken, Task> run)
    {
        var (grid, keyFile, format) =
            (Options.Grid($"{Options.DefaultGrid}, where 'dass serve' answers"), Options.KeyFile(), Options.Format());
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
            {
                command.Add(argument);
            }
            else
            {
                command.Add((Option)symbol);
            }
        }
        Array.ForEach<Option>([grid, keyFile, format], command.Add);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var connection = GridConnection.Open(parsed.GetValue(grid) ?? Options.DefaultGrid, parsed.GetValue(keyFile));
            await run(connection.Client.Tagging, parsed.GetValue(format), parsed, cancellationToken).ConfigureAwait(false);
            return Invocation.Success;
        });
        return command;
    }
}
