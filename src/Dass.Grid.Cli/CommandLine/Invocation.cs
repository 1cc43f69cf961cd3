using System.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.Engine;
using Grpc.Core;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Cli.CommandLine;

/// <summary>Runs a command line and turns what went wrong into a text for a person and an exit code for a script.</summary>
public static class Invocation
{
    public const int Success = 0;
    public const int Failure = 1;
    public const int Usage = 2;

    /// <summary>A sound was heard that a script asked to be told of.</summary>
    public const int Heard = 3;

    public const int Interrupted = 130; // 128 + SIGINT, as shells count

    /// <summary>The reader of standard output has gone, as that of <c>head</c>; nothing is said of it.</summary>
    public const int Unread = 141; // 128 + SIGPIPE

    private static readonly (string Field, string Option)[] Words =
    [
        ("ListLabels names them.", "'dass labels' lists them."),
        (" Give a format to begin it.", ""),
        ("selection.stream_ids", "--stream-id"),
        ("selection.prefix", "--prefix"),
        ("selection.labels", "--label"),
        ("filter.labels", "--label"),
        ("label_events", "--event-label"),
    ];

    /// <summary>Time for a clean end after Ctrl-C: above what the host gives its streams.</summary>
    private static readonly TimeSpan Goodbye = TimeSpan.FromSeconds(35);

    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        Terminal.Prepare();
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                Console.Error.WriteLine($"dass: {error.Message}{Meant(parsed, error.Message)}");
            }
            Console.Error.WriteLine("Try 'dass --help'.");
            return Usage;
        }
        try
        {
            var code = await parsed.InvokeAsync(
                new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    ProcessTerminationTimeout = Goodbye,
                },
                Terminal.ReaderGone).ConfigureAwait(false);
            return Terminal.ReaderGone.IsCancellationRequested ? Unread : code;
        }
        catch (Exception) when (Terminal.ReaderGone.IsCancellationRequested)
        {
            return Unread;
        }
        catch (Exception exception)
        {
            Console.Error.WriteLine($"dass: {Explain(exception)}");
            if (parsed.GetValue(Options.Verbose))
            {
                Console.Error.WriteLine(exception);
            }
            return exception switch
            {
                OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled } => Interrupted,
                OptionsValidationException or UsageException => Usage,
                _ => Failure,
            };
        }
    }

    /// <summary>A refusal in the words of the command line instead of the protocol's.</summary>
    internal static string Spoken(string detail) =>
        Words.Aggregate(detail, (text, word) => text.Replace(word.Field, word.Option, StringComparison.Ordinal));

    /// <summary>What a word that the command line does not know was probably meant to be.</summary>
    private static string Meant(ParseResult parsed, string message)
    {
        var command = parsed.CommandResult.Command;
        string[] known = [.. command.Subcommands.Select(each => each.Name), .. command.Options.Select(each => each.Name)];
        return parsed.UnmatchedTokens.FirstOrDefault(word => message.Contains($"'{word}'", StringComparison.Ordinal)) is { } unknown
            ? Nearest.Question(unknown, known)
            : "";
    }

    /// <summary>What went wrong and what to do, in one sentence.</summary>
    public static string Explain(Exception exception) => exception switch
    {
        OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled } => "interrupted.",
        RpcException { StatusCode: StatusCode.Unavailable, Status.DebugException: { } cause } =>
            $"the grid cannot be reached: {cause.GetBaseException().Message}. Is it running, and is --grid the address of its gRPC?"
            + GridConnection.ProxyNote,
        RpcException { StatusCode: StatusCode.Unauthenticated } refused =>
            $"the grid answers Unauthenticated: {Spoken(refused.Status.Detail)} "
            + $"The key is taken from --api-key-file or {GridConnection.KeyVariable}.",
        RpcException refused => $"the grid answers {refused.StatusCode}: {Spoken(refused.Status.Detail)}",
        OptionsValidationException invalid =>
            $"the configuration cannot be used:{string.Concat(invalid.Failures.Select(failure => $"{Environment.NewLine}  {failure}"))}",
        AudioFormatException or ModelLoadException or NoFreeSlotException or StepQueueFullException or NotSupportedException =>
            exception.Message,
        UsageException or IOException or UnauthorizedAccessException or ArgumentException or FormatException => exception.Message,
        _ => $"this should not happen: {exception.GetType().Name}: {exception.Message} (--verbose shows where).",
    };
}
