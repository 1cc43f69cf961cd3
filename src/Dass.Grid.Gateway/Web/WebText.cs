using Dass.Grid.Gateway.Protocol;
using Google.Protobuf;

namespace Dass.Grid.Gateway.Web;

/// <summary>Messages as JSON, for clients without gRPC.</summary>
internal static class WebText
{
    private static readonly JsonFormatter Formatter = new(new JsonFormatter.Settings(formatDefaultValues: true));
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default);

    public static string ToJson(IMessage message) => Formatter.Format(message);

    /// <exception cref="RpcException">INVALID_ARGUMENT: no JSON of such a message.</exception>
    public static T Parse<T>(string text)
        where T : IMessage, new()
    {
        try
        {
            return Parser.Parse<T>(text);
        }
        catch (Exception broken) when (broken is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw ProtocolErrors.BrokenText(broken.Message);
        }
    }
}
