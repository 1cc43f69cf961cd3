using Dass.Grid.Notify.Rules;
using Dass.Grid.Notify.State;

namespace Dass.Grid.Notify.Delivery;

/// <summary>
/// Adds each message as a line of JSON to a file, which is on the disk before the message counts as sent. The file may be moved away at any
/// time: the next message begins another.
/// </summary>
internal sealed class FileDestination(FileSpec spec) : IDestination
{
    private readonly Lock _one = new(); // writer at a time

    public Task<DeliveryOutcome> SendAsync(Notice notice, CancellationToken cancellationToken)
    {
        try
        {
            lock (_one)
            {
                DurableFile.Append(spec.Path, notice.Payload());
            }
            return Task.FromResult(DeliveryOutcome.Delivered);
        }
        catch (Exception broken) when (broken is IOException or UnauthorizedAccessException)
        {
            return Task.FromResult(DeliveryOutcome.Failed(broken.Message));
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
