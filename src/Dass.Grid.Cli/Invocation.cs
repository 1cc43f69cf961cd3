using System.CommandLine;
using Dass.Grid.Engine;
using Grpc.Core;

namespace Dass.Grid.Cli;

/// <summary>Runs a command line and turns what went wrong into a text for a person and an exit code for a script.</summary>
public static class Invocation
{
    public const int Success = 0;
    public const int Failure = 1;
    public const int Usage = 2;
    public const int Interrupted = 130; // 128 + SIGINT, as shells count

    public static async Task<int> RunAsync(RootCommand root, string[] args)
    {
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                Console.Error.WriteLine($"dass: {error.Message}");
            }
            Console.Error.WriteLine("Try 'dass --help'.");
            return Usage;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }).ConfigureAwait(false);
        }
        catch (Exception exception) when (Explain(exception) is { } text)
        {
            Console.Error.WriteLine($"dass: {text}");
            return exception is OperationCanceledException || exception is RpcException { StatusCode: StatusCode.Cancelled } ? Interrupted : Failure;
        }
    }

    /// <summary>The text for an exception that is not a defect of this program, or null.</summary>
    public static string? Explain(Exception exception) => exception switch
    {
        OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled } => "interrupted.",
        RpcException refused => $"the grid answers {refused.StatusCode}: {refused.Status.Detail}",
        AudioFormatException or ModelLoadException or NoFreeSlotException or StepQueueFullException or NotSupportedException => exception.Message,
        IOException or UnauthorizedAccessException or ArgumentException => exception.Message,
        _ => null,
    };
}
