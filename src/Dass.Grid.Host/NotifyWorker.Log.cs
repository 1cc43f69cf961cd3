using Dass.Grid.Notify.Routes;

namespace Dass.Grid.Host;

internal sealed partial class NotifyWorker
{
    [LoggerMessage(LogLevel.Information, "Messages: {Note}")]
    private partial void LogNote(string note);

    [LoggerMessage(LogLevel.Information, "Rule {Rule} sends to {Destination} again: {Waiting} messages wait, {Sent} were sent.")]
    private partial void LogRecovered(string rule, string destination, int waiting, long sent);

    [LoggerMessage(LogLevel.Warning, "Rule {Rule} does not send to {Destination} ({State}, {Waiting} messages wait). {Note}")]
    private partial void LogTrouble(string rule, string destination, RouteState state, int waiting, string note);

    [LoggerMessage(LogLevel.Warning, "Rule {Rule} has given up {GivenUp} messages to {Destination}. {Note}")]
    private partial void LogGivenUp(string rule, string destination, long givenUp, string note);

    [LoggerMessage(LogLevel.Error, "No messages are sent; this is tried again. {Problem}")]
    private partial void LogStopped(string problem);
}
