namespace Dass.Grid.Gateway.Protocol;

/// <summary>Lists that clients read page by page: the field page_size.</summary>
internal static class Paging
{
    private const int DefaultSize = 100;
    private const int MaxSize = 1_000;

    /// <summary>Entries of the page that a request asks for.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: negative, or too many.</exception>
    public static int Size(int asked) => asked switch
    {
        < 0 or > MaxSize => throw ProtocolErrors.PageSize(asked, MaxSize, DefaultSize),
        0 => DefaultSize,
        _ => asked,
    };
}
