using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Dass.Grid.Chaos.Notify;

/// <summary>
/// A receiver that obeys the id, and is unreliable otherwise: of ten messages one is answered with an error before it is taken, one after,
/// and one late. A message is in its file before it is answered.
/// </summary>
internal static class Receiver
{
    public static async Task RunAsync(int port, string file)
    {
        var known = new ConcurrentDictionary<string, byte>(DrillMessage.ReadAll(file).Where(each => !each.Again).Select(
            each => KeyValuePair.Create(each.Id, (byte)0)));
        var writing = new SemaphoreSlim(1);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.Urls.Add(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
        app.MapPost("/", async (HttpContext context) =>
        {
            var data = (await JsonDocument.ParseAsync(context.Request.Body)).RootElement.GetProperty("data");
            var luck = Random.Shared.Next(10);
            if (luck == 0)
            {
                return Results.StatusCode(503);
            }
            var id = context.Request.Headers["webhook-id"].ToString();
            await writing.WaitAsync();
            try
            {
                var line = JsonSerializer.Serialize(new DrillMessage(
                    id, data.GetProperty("rule").GetString()!, data.GetProperty("stream_id").GetString()!,
                    data.GetProperty("event_id").GetString()!, data.GetProperty("offset").GetDateTime(),
                    TimeProvider.System.GetUtcNow().UtcDateTime, !known.TryAdd(id, 0)));
                await using var log = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
                await log.WriteAsync(Encoding.UTF8.GetBytes($"{line}\n"));
                log.Flush(flushToDisk: true);
            }
            finally
            {
                writing.Release();
            }
            if (luck == 1)
            {
                return Results.StatusCode(500);
            }
            if (luck == 2)
            {
                await Task.Delay(TimeSpan.FromSeconds(3)); // beyond the sender's patience
            }
            return Results.Ok();
        });
        await app.RunAsync();
    }
}

/// <param name="Id">webhook-id.</param>
/// <param name="Rule">Its name.</param>
/// <param name="Stream">Its id.</param>
/// <param name="Event">In the stream.</param>
/// <param name="Offset">When the sound ended.</param>
/// <param name="At">When the message came.</param>
/// <param name="Again">Whether the receiver had it already, and did nothing with it.</param>
internal sealed record DrillMessage(string Id, string Rule, string Stream, string Event, DateTime Offset, DateTime At, bool Again)
{
    /// <summary>All whole lines of a file, in order.</summary>
    public static DrillMessage[] ReadAll(string file)
    {
        if (!File.Exists(file))
        {
            return [];
        }
        using var reader = new StreamReader(new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return
        [
            .. reader.ReadToEnd().Split('\n').Where(line => line.StartsWith('{') && line.EndsWith('}'))
                .Select(line => JsonSerializer.Deserialize<DrillMessage>(line)!),
        ];
    }
}
