namespace Dass.Grid.Host;

/// <summary>Messages about events, sent by this process as <c>dass notify</c> sends them: the section <c>Grid:Notify</c>.</summary>
public sealed class NotifySettings
{
    /// <summary>File of rules, read again when it changes. Of several gateways one should have it. Default: null, no messages.</summary>
    public string? Rules { get; set; }

    /// <summary>
    /// Directory for how far each rule is, for messages that wait and for dead letters. Default: dass-grid/notify below the user's local
    /// application data.
    /// </summary>
    public string StateDirectory { get; set; } =
        Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
            "dass-grid",
            "notify");

    /// <summary>
    /// File with the API key of the tenant whose events they are, read again when it changes. Default: null, none, as for a grid without
    /// keys.
    /// </summary>
    public string? KeyFile { get; set; }

    /// <summary>Where gRPC of the grid answers. Default: null, at this process's <see cref="GridOptions.Listen"/>.</summary>
    public string? Address { get; set; }
}
