using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Tenants;

/// <summary>A tenant that names what another has learns as much as one that names what no tenant has.</summary>
public sealed class StrangersTests : IAsyncLifetime
{
    private const string AnnesKey = "anne-0123456789abcdef";
    private const string MalloryKey = "mallory-0123456789abcdef";
    private const string AdminKey = "admin-0123456789abcdef";
    private const string NoTenants = "xxxx"; // as long as Anne's names

    private static readonly Metadata Anne = new() { { "x-api-key", AnnesKey } };
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(bytes => bytes, bytes => bytes);

    /// <summary>What is asked about a name, by method. A method that takes no name of a tenant's has no question.</summary>
    private static readonly Dictionary<string, Func<string, IMessage[]>> Questions = new()
    {
        ["Stream"] = name =>
        [
            new StreamRequest { Config = new StreamConfig { StreamId = name } },
            new StreamRequest
            {
                Config = new StreamConfig { StreamId = name, FromChunk = 0, Filter = new TagFilter { Labels = { "Speech" } } },
            },
            new StreamRequest { Config = new StreamConfig { Format = Babble.Format, Model = name } },
        ],
        ["Subscribe"] = name =>
        [
            new SubscribeRequest { StreamId = name },
            new SubscribeRequest { StreamId = name, FromChunk = 0 },
            new SubscribeRequest { StreamIds = { name }, FromChunk = 0 },
            new SubscribeRequest { StreamIds = { name }, Cursors = { { name, 3 } } },
            new SubscribeRequest { Prefix = name, FromChunk = 0 },
            new SubscribeRequest { AllStreams = true, Cursors = { { name, 0 } } },
        ],
        ["Tag"] = name =>
            [new TagRequest { Format = Babble.Format, Audio = ByteString.CopyFrom(Babble.Slice(0, 16_000).Span), Model = name }],
        ["ListStreams"] = name =>
            [new ListStreamsRequest(), new ListStreamsRequest { PageToken = name[..1] }, new ListStreamsRequest { PageToken = name }],
        ["GetStream"] = name => [new GetStreamRequest { StreamId = name }],
        ["CloseStream"] = name => [new CloseStreamRequest { StreamId = name }],
        ["ListEvents"] = name =>
        [
            new ListEventsRequest { Selection = new() { StreamIds = { name } } },
            new ListEventsRequest { Selection = new() { Prefix = name } },
            new ListEventsRequest { Selection = new() { Prefix = name }, NewestFirst = true },
        ],
        ["ExportEvents"] = name =>
        [
            new ExportEventsRequest { Format = ExportFormat.Csv, Selection = new() { StreamIds = { name } } },
            new ExportEventsRequest { Format = ExportFormat.Rttm, Selection = new() { StreamIds = { name } } },
            new ExportEventsRequest { Format = ExportFormat.JsonLines, Selection = new() { Prefix = name } },
        ],
        ["GetUsage"] = _ => [new GetUsageRequest()],
        ["ListModels"] = _ => [new ListModelsRequest()],
        ["ListLabels"] = name => [new ListLabelsRequest { Model = name }],
        ["CreateTenant"] = name => [new CreateTenantRequest { Name = name }],
        ["ListTenants"] = name => [new ListTenantsRequest { PageToken = name }],
        ["UpdateTenant"] = name => [new UpdateTenantRequest { Name = name, Disabled = true }],
        ["RotateKey"] = name => [new RotateKeyRequest { Name = name }],
        ["GetTenantUsage"] = name => [new GetTenantUsageRequest { Name = name }],
        ["RegisterModel"] = name => [new RegisterModelRequest { Name = name, Directory = "/nowhere" }],
        ["SetAlias"] = name => [new Alias { Tenant = name, Name = name, Model = "tiny" }],
        ["DeleteAlias"] = name => [new DeleteAliasRequest { Tenant = name, Name = name }],
        ["ListAliases"] = _ => [new ListAliasesRequest()],
        ["ListSilos"] = _ => [new ListSilosRequest()],
        ["DrainSilo"] = name => [new DrainSiloRequest { Silo = name }],
    };

    private TestGrid _grid = null!;

    public async Task InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(new()
        {
            ["Tenants:anne:KeyHashes:0"] = KeyHash.Create(AnnesKey).ToString(),
            ["Tenants:mallory:KeyHashes:0"] = KeyHash.Create(MalloryKey).ToString(),
            ["Admin:KeyHashes:0"] = KeyHash.Create(AdminKey).ToString(),
            ["Grid:Streams:HibernateAfter"] = "00:00:01",
            ["Grid:Streams:Upkeep"] = "00:00:00.5",
        });
        await _grid.Admin.SetAliasAsync(
            new Alias { Tenant = "anne", Name = "pet4", Model = "tiny" }, new Metadata { { "x-api-key", AdminKey } });
    }

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    [Fact]
    public async Task Names_of_another_tenant_are_answered_as_names_of_no_tenant()
    {
        var (live, ended, asleep) = ("live", "over", "nap1");
        await SendAsync(asleep, finish: false);
        await SendAsync(ended, finish: true);
        await TestGrid.UntilAsync(async () => await _grid.MetricAsync("dass_streams_live") == 0); // one has ended, one sleeps
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config(live), Anne);
        await feed.SendBabbleAsync(0, Babble.Samples / 2);
        await feed.AppliedAsync(Babble.Samples / 2);

        foreach (var method in Tagging.Descriptor.Methods.Concat(Admin.Descriptor.Methods))
        {
            Assert.True(
                Questions.TryGetValue(method.Name, out var ask),
                $"{method.FullName} is new: what does it say to a stranger who knows a tenant's names?");
            var waiting = new List<Task>();
            foreach (var name in new[] { live, ended, asleep, "anne", "pet4" })
            {
                foreach (var (guess, other) in ask(name).Zip(ask(NoTenants)))
                {
                    var compared = CompareAsync(method, name, guess, other);
                    waiting.Add(compared);
                    if (!WaitsForEver(guess))
                    {
                        await compared;
                    }
                }
            }
            await Task.WhenAll(waiting);
        }

        // And nothing of it has touched the streams.
        Assert.Equal(
            ["live", "nap1", "over"],
            (await _grid.Client.ListStreamsAsync(new ListStreamsRequest(), Anne)).Streams.Select(stream => stream.StreamId));
        await feed.SendBabbleAsync(Babble.Samples / 2, Babble.Samples);
        await BareSession.AssertEqualAsync(feed.Tags, await feed.FinishAsync());
        using var awake = await Feed.BeginAsync(_grid.Client, new StreamConfig { StreamId = asleep }, Anne);
        Assert.Equal(16_000, awake.Ready.NextSample);
    }

    /// <summary>A subscriber to several streams, none of which is its tenant's, receives nothing: no signal says so.</summary>
    private static bool WaitsForEver(IMessage question) => question is SubscribeRequest { StreamId.Length: 0 };

    private async Task CompareAsync(MethodDescriptor method, string name, IMessage guess, IMessage other)
    {
        var (answer, expected) = (await AskAsync(method, guess), await AskAsync(method, other));
        Assert.True(
            answer.Replace(name, "·", StringComparison.Ordinal) == expected.Replace(NoTenants, "·", StringComparison.Ordinal),
            $"{method.FullName} {guess} is answered with '{answer}', and {other} with '{expected}'.");
    }

    /// <summary>The status and its words, or the answers that come within a moment.</summary>
    private async Task<string> AskAsync(MethodDescriptor about, IMessage question)
    {
        var type = about.IsClientStreaming
            ? MethodType.DuplexStreaming
            : about.IsServerStreaming
            ? MethodType.ServerStreaming
            : MethodType.Unary;
        var method = new Method<byte[], byte[]>(type, about.Service.FullName, about.Name, Raw, Raw);
        var options = new CallOptions(new Metadata { { "x-api-key", MalloryKey } }, TestGrid.Deadline);
        var invoker = _grid.Channel.CreateCallInvoker();
        try
        {
            if (type == MethodType.Unary)
            {
                return Text(about, await invoker.AsyncUnaryCall(method, null, options, question.ToByteArray()));
            }
            using var leaving = new CancellationTokenSource();
            options = options.WithCancellationToken(leaving.Token);
            if (type == MethodType.DuplexStreaming)
            {
                using var duplex = invoker.AsyncDuplexStreamingCall(method, null, options);
                await duplex.RequestStream.WriteAsync(question.ToByteArray());
                return await ReadAsync(duplex.ResponseStream);
            }
            using var call = invoker.AsyncServerStreamingCall(method, null, options, question.ToByteArray());
            leaving.CancelAfter(WaitsForEver(question) ? TimeSpan.FromSeconds(1.5) : TimeSpan.FromMinutes(1));
            return await ReadAsync(call.ResponseStream);
        }
        catch (RpcException end)
        {
            return $"{end.StatusCode}: {end.Status.Detail}";
        }

        async Task<string> ReadAsync(IAsyncStreamReader<byte[]> answers)
        {
            var said = "";
            while (await answers.MoveNext(CancellationToken.None))
            {
                said += Text(about, answers.Current);
            }
            return said;
        }
    }

    private static string Text(MethodDescriptor method, byte[] answer) => method.OutputType.Parser.ParseFrom(answer).ToString()!;

    private async Task SendAsync(string stream, bool finish)
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config(stream), Anne);
        await feed.SendBabbleAsync(0, 16_000);
        await feed.AppliedAsync(16_000);
        if (finish)
        {
            await feed.FinishAsync();
        }
    }
}
