using System.Text.Encodings.Web;
using System.Text.Json;

namespace Dass.Grid.Notify.State;

/// <summary>Messages that will not be tried again, as lines of JSON: the time, why, and the message.</summary>
internal sealed class DeadLetters(string path, TimeProvider clock)
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _one = new(); // writer at a time

    public string Path => path;

    /// <exception cref="IOException">It cannot be written.</exception>
    public void Add(Notice notice, string destination, string reason, int attempts)
    {
        using var message = JsonDocument.Parse(notice.Payload());
        var line = JsonSerializer.SerializeToUtf8Bytes(
            new { given_up = clock.GetUtcNow().UtcDateTime, destination, reason, attempts, message = message.RootElement }, Json);
        lock (_one)
        {
            DurableFile.Append(path, line);
        }
    }
}
