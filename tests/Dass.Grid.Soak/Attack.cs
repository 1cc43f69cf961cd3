using System.Collections.Concurrent;
using Dass.Grid.Client;
using Dass.Grid.Gateway.Tenants;
using Grpc.Core;
using Grpc.Net.Client;

namespace Dass.Grid.Soak;

/// <summary>
/// Strangers and one tenant with a key who want the grid to serve no other client: one loop of each kind, each as often as its pace says,
/// until the attack is over. What the grid answers them is counted, and is not judged.
/// </summary>
internal sealed class Attack(HostProcess host)
{
    public const string Tenant = "mallory";
    public const string Key = "soak-key-of-mallory";

    /// <summary>Live streams that the tenant is allowed.</summary>
    public const int MaxStreams = 40;

    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(1); // after a loop's failure

    private readonly ConcurrentDictionary<string, int> _ends = new(StringComparer.Ordinal);

    /// <summary>How often each kind of attack ended in each way.</summary>
    public IReadOnlyDictionary<string, int> Ends => _ends;

    /// <summary>Settings that let the tenant in.</summary>
    public static void AddTo(Dictionary<string, string> settings)
    {
        settings[$"Tenants:{Tenant}:KeyHashes:0"] = KeyHash.Create(Key).ToString();
        settings[$"Tenants:{Tenant}:Limits:LiveStreams"] = $"{MaxStreams}";
    }

    /// <param name="over">Ends it.</param>
    public async Task RunAsync(CancellationToken over)
    {
        using var grid = new GridClient(host.Address, Key);
        using var strangers = new GridClient(host.Address, "a-key-that-no-tenant-has");
        using var channel = GrpcChannel.ForAddress(host.Address);
        var (calls, sockets) = (new CallAttacks(grid, strangers, channel.CreateCallInvoker(), Key), new SocketAttacks(host));
        await Task.WhenAll(
            RepeatAsync("wrong keys", TimeSpan.FromMilliseconds(20), calls.WrongKeyAsync, over),
            RepeatAsync("garbage messages", TimeSpan.FromMilliseconds(50), calls.GarbageAsync, over),
            RepeatAsync("calls cancelled at once", TimeSpan.FromMilliseconds(50), calls.CancelAsync, over),
            RepeatAsync("flood of a stream", TimeSpan.Zero, calls.FloodAsync, over),
            RepeatAsync("flood of recordings", TimeSpan.FromMilliseconds(200), calls.RecordingAsync, over),
            RepeatAsync("silent streams", TimeSpan.FromMilliseconds(200), calls.SilentAsync, over),
            RepeatAsync("oversized claims of loss", TimeSpan.FromSeconds(1), calls.ClaimLossAsync, over),
            RepeatAsync("slow readers", TimeSpan.FromSeconds(1), calls.ReadNothingAsync, over),
            RepeatAsync("held-back bodies without a key", TimeSpan.FromSeconds(1), token => sockets.HoldBackAsync(null, token), over),
            RepeatAsync("held-back bodies with a key", TimeSpan.FromSeconds(1), token => sockets.HoldBackAsync(Key, token), over),
            RepeatAsync("garbage bytes", TimeSpan.FromMilliseconds(50), sockets.GarbageAsync, over),
            RepeatAsync("resets", TimeSpan.FromMilliseconds(50), sockets.ResetAsync, over),
            RepeatAsync("half-open connections", TimeSpan.FromMilliseconds(100), sockets.HalfOpenAsync, over));
    }

    private async Task RepeatAsync(string kind, TimeSpan pace, Func<CancellationToken, Task> once, CancellationToken over)
    {
        while (!over.IsCancellationRequested)
        {
            var end = "done";
            try
            {
                await once(over);
            }
            catch (Exception) when (over.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException refused)
            {
                end = $"{refused.StatusCode}";
            }
            catch (Exception failed) when (failed is IOException or HttpRequestException or System.Net.Sockets.SocketException)
            {
                end = failed.GetType().Name;
            }
            _ends.AddOrUpdate($"{kind}: {end}", 1, (_, count) => count + 1);
            await Task.Delay(end == "done" || pace > TimeSpan.Zero ? pace : Rest, over)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
