namespace Dass.Grid.Client;

/// <summary>How a network is noticed that dies without a word, also while the grid has nothing to say.</summary>
/// <param name="Delay">Silence after which a ping is sent; at least 1 s.</param>
/// <param name="Timeout">How long its answer may take; at least 1 s.</param>
internal sealed record KeepAlivePings(TimeSpan Delay, TimeSpan Timeout)
{
    public static readonly KeepAlivePings Default = new(TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(15));
}
