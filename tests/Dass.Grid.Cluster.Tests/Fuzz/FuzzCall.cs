using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace Dass.Grid.Cluster.Tests.Fuzz;

/// <summary>One call, and all that is sent in it: a function of seed and index.</summary>
/// <param name="Index">Which of the run's calls it is.</param>
/// <param name="Method">Of either service.</param>
/// <param name="Messages">As bytes; one, unless the client streams.</param>
/// <param name="Key">Of the caller; empty: none.</param>
/// <param name="Abandoned">The client goes away at some time instead of closing its side.</param>
internal sealed record FuzzCall(int Index, MethodDescriptor Method, byte[][] Messages, string Key, bool Abandoned)
{
    private static readonly MethodDescriptor[] Methods = [.. V1.Tagging.Descriptor.Methods, .. V1.Admin.Descriptor.Methods];
    private static readonly MethodDescriptor Stream = V1.Tagging.Descriptor.FindMethodByName("Stream");
    private static readonly Marshaller<byte[]> Raw = Marshallers.Create(bytes => bytes, bytes => bytes);

    /// <summary>Longer than any call takes that the grid answers or refuses at all.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Attention = TimeSpan.FromMilliseconds(40);

    /// <param name="seed">Of the run.</param>
    /// <param name="index">Of the call.</param>
    /// <param name="tenantKey">Of the tenant that the enemy is.</param>
    /// <param name="adminKey">Of an administrator who has gone mad.</param>
    public static FuzzCall Create(int seed, int index, string tenantKey, string adminKey)
    {
        var random = new Random(unchecked((seed * 1_000_003) + index));
        var messages = new RandomMessages(random);
        var method = random.Next(3) == 0 ? Stream : messages.Pick(Methods);
        var key = random.Next(50) == 0 ? messages.Pick(
            ["", "unknown-0123456789", tenantKey, adminKey]) : method.Service == V1.Admin.Descriptor ? adminKey : tenantKey;
        var requests = method.IsClientStreaming
            ? Sequence(random, messages)
            : [messages.Next(method.InputType, messages.Pick([0, 0.5, 0.9, 0.97, 1]))];
        byte[][] bytes =
        [
            .. requests.Select(request => request.ToByteArray()).Select(request => random.Next(4) == 0 ? request.Mutate(random) : request),
        ];
        return new FuzzCall(index, method, bytes, key, method.IsServerStreaming && random.Next(3) == 0);
    }

    /// <summary>A configuration, audio and the end, more or less in this order.</summary>
    private static List<IMessage> Sequence(Random random, RandomMessages messages)
    {
        var sane = messages.Pick([0, 0.5, 0.97, 0.97, 0.99, 0.99, 1]);
        IMessage Next(string kind)
        {
            var field = Stream.InputType.FindFieldByName(kind);
            var request = new V1.StreamRequest();
            field.Accessor.SetValue(request, messages.Next(field.MessageType, sane));
            return request;
        }
        var sequence = new List<IMessage> { Next("config") };
        sequence.AddRange(Enumerable.Range(0, random.Next(6)).Select(_ => Next("audio")));
        sequence.AddRange(Enumerable.Range(0, random.Next(2)).Select(_ => Next("finish")));
        if (random.NextDouble() > sane || random.Next(5) == 0)
        {
            sequence.Insert(random.Next(sequence.Count + 1), Next(messages.Pick(["config", "audio", "finish"])));
            sequence.RemoveAt(random.Next(sequence.Count));
        }
        if (random.Next(10) == 0)
        {
            sequence.Insert(random.Next(sequence.Count + 1), messages.Next(Stream.InputType, 0));
        }
        return sequence;
    }

    /// <summary>Makes the call and reads what comes.</summary>
    /// <param name="invoker">To the grid.</param>
    /// <param name="seen">Is shown each answer.</param>
    /// <returns>How it ended; null: the client went away.</returns>
    public async Task<Status?> MakeAsync(CallInvoker invoker, Action<byte[]> seen)
    {
        using var leaving = new CancellationTokenSource();
        var headers = new Metadata { { FuzzWitness.Header, $"{Index}" } };
        if (Key.Length > 0)
        {
            headers.Add("x-api-key", Key);
        }
        var options = new CallOptions(headers, TimeProvider.System.GetUtcNow().UtcDateTime + Patience, leaving.Token);
        var type = Method.IsClientStreaming
            ? MethodType.DuplexStreaming
            : Method.IsServerStreaming
            ? MethodType.ServerStreaming
            : MethodType.Unary;
        var method = new Method<byte[], byte[]>(type, Method.Service.FullName, Method.Name, Raw, Raw);
        // A subscription to all of a tenant's streams has no end of its own.
        var leaves = Abandoned || Method.Name == "Subscribe";
        try
        {
            switch (type)
            {
                case MethodType.Unary:
                    seen(await invoker.AsyncUnaryCall(method, null, options, Messages[0]));
                    break;
                case MethodType.ServerStreaming:
                    using (var call = invoker.AsyncServerStreamingCall(method, null, options, Messages[0]))
                    {
                        Leave();
                        await ReadAsync(call.ResponseStream, seen);
                    }
                    break;
                default:
                    using (var call = invoker.AsyncDuplexStreamingCall(method, null, options))
                    {
                        var reading = ReadAsync(call.ResponseStream, seen);
                        // Once in some hundred thousand calls the client's side never comes to an end of its own.
                        await Task.WhenAny(SendAsync(call.RequestStream), reading);
                        Leave();
                        await reading;
                    }
                    break;
            }
            return Status.DefaultSuccess;
        }
        catch (RpcException end)
        {
            return end.StatusCode == StatusCode.Cancelled && leaving.IsCancellationRequested ? null : end.Status;
        }

        void Leave()
        {
            if (leaves)
            {
                leaving.CancelAfter(Attention);
            }
        }
    }

    public override string ToString() =>
        $"call {Index} ({Method.FullName}{(Abandoned ? ", abandoned" : "")}) with {string.Join("; ", Messages.Select(Describe))}";

    private string Describe(byte[] message)
    {
        const int Shown = 600;
        var text = Convert.ToBase64String(message.AsSpan(0, Math.Min(Shown, message.Length)));
        try
        {
            var json = JsonFormatter.ToDiagnosticString(Method.InputType.Parser.ParseFrom(message));
            text += $" = {json[..Math.Min(Shown, json.Length)]}";
        }
        catch (Exception)
        {
            text += " = no message";
        }
        return $"{message.Length} bytes {text}";
    }

    private async Task SendAsync(IClientStreamWriter<byte[]> to)
    {
        try
        {
            foreach (var message in Messages)
            {
                await to.WriteAsync(message);
            }
            if (!Abandoned)
            {
                await to.CompleteAsync();
            }
        }
        catch (Exception)
        {
            // The call has ended already; the answers' side says why.
        }
    }

    private static async Task ReadAsync(IAsyncStreamReader<byte[]> from, Action<byte[]> seen)
    {
        while (await from.MoveNext(CancellationToken.None))
        {
            seen(from.Current);
        }
    }
}
