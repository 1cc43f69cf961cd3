using System.ComponentModel;
using System.Diagnostics;
using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Notify.Delivery;

/// <summary>
/// Runs a program for each message: its JSON on standard input, its fields in the environment. Exit code 0: it has the message; 65
/// (EX_DATAERR): it will never take it; any other: it is run again.
/// </summary>
internal sealed class CommandDestination(CommandSpec spec) : IDestination
{
    private const int DataError = 65;
    private const int LastCharacters = 200;

    public async Task<DeliveryOutcome> SendAsync(Notice notice, CancellationToken cancellationToken)
    {
        Process? process;
        try
        {
            process = Process.Start(Start(notice));
        }
        catch (Exception missing) when (missing is Win32Exception or InvalidOperationException or IOException)
        {
            return DeliveryOutcome.Failed($"{spec.Shown} cannot be run: {missing.Message}");
        }
        using var running = process!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(spec.Timeout);
        var errors = LastOutput.OfAsync(running.StandardError, LastCharacters);
        var output = LastOutput.OfAsync(running.StandardOutput, 0);
        try
        {
            await WriteAsync(running, notice, limit.Token).ConfigureAwait(false);
            await running.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            running.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            return DeliveryOutcome.Failed($"{spec.Shown} had not ended after {spec.Timeout.TotalSeconds:0} s, and was ended.");
        }
        if (running.ExitCode == 0)
        {
            return DeliveryOutcome.Delivered;
        }
        // A grandchild may hold the pipe for longer than its parent lived.
        var last = await Task.WhenAny(errors, Task.Delay(TimeSpan.FromSeconds(1), cancellationToken)).ConfigureAwait(false) == errors
            ? new string([.. (await errors.ConfigureAwait(false)).Select(letter => char.IsControl(letter) ? ' ' : letter)]).Trim()
            : "";
        var reason = $"{spec.Shown} ended with {running.ExitCode}. {last}".TrimEnd();
        return running.ExitCode == DataError ? DeliveryOutcome.Refused(reason) : DeliveryOutcome.Failed(reason);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private ProcessStartInfo Start(Notice notice)
    {
        var start = new ProcessStartInfo(spec.Command[0])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        foreach (var argument in spec.Command.Skip(1))
        {
            start.ArgumentList.Add(argument);
        }
        start.Environment.Remove("DASS_API_KEY"); // the grid's key is no affair of the command
        foreach (var (name, value) in notice.Fields)
        {
            start.Environment[$"DASS_{name.ToUpperInvariant()}"] = value;
        }
        return start;
    }

    private static async Task WriteAsync(Process running, Notice notice, CancellationToken cancellationToken)
    {
        try
        {
            await running.StandardInput.BaseStream.WriteAsync(notice.Payload(), cancellationToken).ConfigureAwait(false);
            await running.StandardInput.BaseStream.WriteAsync("\n"u8.ToArray(), cancellationToken).ConfigureAwait(false);
            running.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program does not read its input.
        }
    }
}
