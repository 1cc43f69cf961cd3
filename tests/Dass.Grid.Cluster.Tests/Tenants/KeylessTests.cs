using System.Net;
using System.Net.Sockets;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Reflection.V1Alpha;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Cluster.Tests.Tenants;

/// <summary>A stranger without a key costs the grid no memory for bodies, no alarm in the log, no place of a caller with a key.</summary>
public sealed class KeylessTests
{
    private const string AnnesKey = "anne-0123456789abcdef";
    private const string Escape = "\u001b[31m";

    private static readonly Metadata Anne = new() { { "x-api-key", AnnesKey } };
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(bytes => bytes, bytes => bytes);

    private static IEnumerable<MethodDescriptor> Methods => Tagging.Descriptor.Methods.Concat(Admin.Descriptor.Methods);

    [Fact]
    public async Task A_call_without_a_key_is_refused_before_its_body_is_read()
    {
        await using var grid = await StartAsync();
        using var http = new HttpClient { BaseAddress = grid.Host.Address };
        foreach (var method in Methods)
        {
            byte[] beginning = [0, 0, 0x10, 0, 0, .. new byte[1_000]]; // of a message of 1 MiB
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/{method.Service.FullName}/{method.Name}")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new HeldBackContent(beginning) { Headers = { ContentType = new("application/grpc") } },
            };
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).WaitAsync(Soon);
            Assert.Equal("16", Assert.Single(answer.Headers.GetValues("grpc-status")));
        }
    }

    [Fact]
    public async Task A_request_without_a_key_is_refused_before_its_body_is_read()
    {
        await using var grid = await StartAsync();
        foreach (var path in new[] { "/v1/tag", "/v1/streams/x:close", "/v1/admin/tenants" })
        {
            using var socket = await ConnectAsync(grid.Host.HttpAddress!);
            await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(
                $"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{{"));
            var buffer = new byte[4_096];
            var read = await socket.ReceiveAsync(buffer).WaitAsync(Soon);
            Assert.StartsWith("HTTP/1.1 401 ", System.Text.Encoding.ASCII.GetString(buffer, 0, read), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Garbage_is_no_alarm_in_the_log()
    {
        var log = new RecordedLog(LogLevel.Warning);
        await using var grid = await StartAsync(log: log);
        var atStart = log.Entries.Count; // the machine's own warnings, e.g. without a home directory
        var invoker = grid.Channel.CreateCallInvoker();
        byte[] garbage = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x2a];
        var services = Methods.Select(method => (method.Service.FullName, method.Name, method.IsClientStreaming, method.IsServerStreaming))
            .Append(("grpc.health.v1.Health", "Check", false, false))
            .Append(("grpc.health.v1.Health", "Watch", false, true))
            .Append(("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", true, true));
        foreach (var (service, name, isDuplex, isStreaming) in services)
        {
            foreach (var key in new[] { null, "wrong-0123456789abcdef", AnnesKey })
            {
                var headers = key is null ? [] : new Metadata { { "x-api-key", key } };
                var type = isDuplex ? MethodType.DuplexStreaming : isStreaming ? MethodType.ServerStreaming : MethodType.Unary;
                var method = new Method<byte[], byte[]>(type, service, name, Raw, Raw);
                var options = new CallOptions(headers, TestGrid.Deadline);
                await Assert.ThrowsAsync<RpcException>(async () =>
                {
                    if (!isStreaming)
                    {
                        await invoker.AsyncUnaryCall(method, null, options, garbage);
                        return;
                    }
                    using var call = isDuplex ? null : invoker.AsyncServerStreamingCall(method, null, options, garbage);
                    using var duplex = isDuplex ? invoker.AsyncDuplexStreamingCall(method, null, options) : null;
                    if (duplex is not null)
                    {
                        await duplex.RequestStream.WriteAsync(garbage);
                    }
                    await (call?.ResponseStream ?? duplex!.ResponseStream).MoveNext(CancellationToken.None);
                });
            }
        }
        var lines = new[] { (grid.Host.Address, "GET / HTTP/9\r\nHost: grid\r\n\r\n"), (grid.Host.HttpAddress!, "\u0001\u0002\r\n\r\n") };
        foreach (var (address, text) in lines)
        {
            using var socket = await ConnectAsync(address);
            await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(text));
            await socket.ReceiveAsync(new byte[4_096]).WaitAsync(Soon);
        }
        foreach (var key in new[] { null, AnnesKey })
        {
            using var page = new Page(grid.Host.HttpAddress!, key);
            await page.SendAsync(HttpMethod.Post, "/v1/tag", "{\"audio\":7,");
        }
        Assert.DoesNotContain(log.Entries.Skip(atStart), entry => !entry.StartsWith("Warning Orleans.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Control_characters_of_a_client_are_escaped_in_the_log()
    {
        var log = new RecordedLog(LogLevel.Trace);
        await using (var grid = await StartAsync(log: log))
        {
            await TestGrid.RefusesAsync(
                StatusCode.InvalidArgument, "stream_id",
                () => Feed.BeginAsync(grid.Client, Babble.Config($"{Escape}\r\n00:00:00 fail"), Anne));
            await TestGrid.RefusesAsync(
                StatusCode.InvalidArgument, "page_token",
                async () => await grid.Client.ListStreamsAsync(new ListStreamsRequest { PageToken = Escape }, Anne));
            using var page = new Page(grid.Host.HttpAddress!, AnnesKey);
            await page.SendAsync(HttpMethod.Get, $"/v1/streams/{Uri.EscapeDataString(Escape)}");
            await page.SendAsync(HttpMethod.Get, $"/{Uri.EscapeDataString(Escape)}");
            await page.SendAsync(HttpMethod.Get, $"/v1/subscribe?{Uri.EscapeDataString(Escape)}=%1b%9b2J");
        }
        Assert.All(log.Entries, entry => Assert.DoesNotContain(entry, c => char.IsControl(c) && c is not ('\r' or '\n' or '\t')));
        Assert.Contains(
            log.Entries, entry => entry.Contains("stream_id '\\u001b[31m\\u000d\\u000a00:00:00 fail'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Connections_without_an_authenticated_call_have_fewer_places()
    {
        await using var grid = await StartAsync(new()
        {
            ["Grid:Gateway:MaxConnectionsPerAddress"] = "6", ["Grid:Gateway:MaxUnauthenticatedConnectionsPerAddress"] = "3",
        });
        using var known = GrpcChannel.ForAddress(grid.Host.Address);
        await new Tagging.TaggingClient(known).ListStreamsAsync(new ListStreamsRequest(), Anne, TestGrid.Deadline);
        var strangers = new List<Socket>();
        try
        {
            for (var i = 0; i < 3; i++)
            {
                strangers.Add(await ConnectAsync(grid.Host.HttpAddress!));
                Assert.False(await IsClosedAsync(strangers[^1], TimeSpan.FromSeconds(0.2)));
            }
            using var refused = await ConnectAsync(grid.Host.Address);
            Assert.True(await IsClosedAsync(refused, Soon), "A stranger's fourth connection is open.");
            await new Tagging.TaggingClient(known).ListStreamsAsync(new ListStreamsRequest(), Anne, TestGrid.Deadline);
        }
        finally
        {
            strangers.ForEach(stranger => stranger.Dispose());
        }
        await TestGrid.UntilAsync(
            async () =>
            {
                using var again = await ConnectAsync(grid.Host.Address);
                return !await IsClosedAsync(again, TimeSpan.FromSeconds(0.2));
            },
            () => Task.Delay(100));
    }

    [Theory]
    [InlineData("2001:db8::1", "2001:db8::ffff:1", true)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", false)]
    [InlineData("::ffff:10.0.0.1", "10.0.0.1", true)]
    [InlineData("10.0.0.1", "10.0.0.2", false)]
    public void A_host_is_one_address_by_whichever_of_its_own_it_calls(string one, string other, bool isSame) => Assert.Equal(
        isSame,
        PlacesByAddress.AddressFrom(IPAddress.Parse(one)).Equals(PlacesByAddress.AddressFrom(IPAddress.Parse(other))));

    [Fact]
    public async Task Health_and_reflection_take_so_many_calls_and_no_more()
    {
        await using var grid = await StartAsync(new() { ["Grid:Gateway:MaxKeylessCalls"] = "4" });
        var health = new Health.HealthClient(grid.Channel);
        var first = health.Watch(new HealthCheckRequest(), deadline: TestGrid.Deadline); // one address has a quarter of the places
        Assert.True(await first.ResponseStream.MoveNext(CancellationToken.None));
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await health.CheckAsync(new HealthCheckRequest()));
        Assert.Equal((StatusCode.ResourceExhausted, "keyless_calls"), (refusal.StatusCode, refusal.Trailers.GetValue("dass-limit")));
        await grid.Client.ListStreamsAsync(new ListStreamsRequest(), Anne, TestGrid.Deadline);
        first.Dispose();
        await TestGrid.UntilAsync(
            async () =>
            {
                try
                {
                    return (await health.CheckAsync(new HealthCheckRequest())).Status == HealthCheckResponse.Types.ServingStatus.Serving;
                }
                catch (RpcException full) when (full.StatusCode == StatusCode.ResourceExhausted)
                {
                    return false;
                }
            },
            () => Task.Delay(50));
    }

    [Fact]
    public async Task A_call_without_a_key_that_stays_open_holds_no_stop_up()
    {
        var grid = await StartAsync();
        using var channel = GrpcChannel.ForAddress(grid.Host.Address);
        using var call = new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo(deadline: TestGrid.Deadline);
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        var end = call.ResponseStream.MoveNext(CancellationToken.None);
        var began = TimeProvider.System.GetTimestamp();
        await grid.DisposeAsync();
        await Assert.ThrowsAsync<RpcException>(() => end);
        var half = new HostOptions().ShutdownTimeout / 2; // far more than a stop takes; the web server would wait for all of it
        Assert.InRange(TimeProvider.System.GetElapsedTime(began), TimeSpan.Zero, half);
    }

    [Fact]
    public async Task Reflection_can_be_switched_off()
    {
        await using var grid = await StartAsync(new() { ["Grid:Gateway:Reflection"] = "false" });
        foreach (var (headers, status) in new[] { (Anne, StatusCode.Unimplemented), ([], StatusCode.Unauthenticated) })
        {
            using var call = new ServerReflection.ServerReflectionClient(grid.Channel).ServerReflectionInfo(headers, TestGrid.Deadline);
            await TestGrid.RefusesAsync(status, "", () => call.ResponseStream.MoveNext(CancellationToken.None));
        }
    }

    private static async Task<Socket> ConnectAsync(Uri address)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, address.Port);
        return socket;
    }

    /// <summary>A server without a request to answer sends nothing but, on the port of gRPC, its settings.</summary>
    private static async Task<bool> IsClosedAsync(Socket socket, TimeSpan within)
    {
        using var patience = new CancellationTokenSource(within);
        try
        {
            var buffer = new byte[1_024];
            while (await socket.ReceiveAsync(buffer.AsMemory(), patience.Token) > 0)
            {
            }
            return true;
        }
        catch (SocketException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static Task<TestGrid> StartAsync(Dictionary<string, string?>? settings = null, RecordedLog? log = null)
    {
        settings ??= [];
        settings["Grid:HttpListen"] = "http://127.0.0.1:0";
        settings["Tenants:anne:KeyHashes:0"] = KeyHash.Create(AnnesKey).ToString();
        return TestGrid.StartAsync(settings, builder =>
        {
            if (log is not null)
            {
                builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(log);
            }
        });
    }
}
