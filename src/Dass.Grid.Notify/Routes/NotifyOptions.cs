namespace Dass.Grid.Notify.Routes;

/// <summary>How rules are run.</summary>
public sealed record NotifyOptions
{
    /// <summary>Directory for how far each rule is, for what waits, and for dead letters. Made when it is missing.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>Receives what a person should know.</summary>
    public Action<string> Note { get; init; } = _ => { };

    /// <summary>From one look at the file of rules to the next.</summary>
    internal TimeSpan Look { get; init; } = TimeSpan.FromSeconds(2);

    internal RouteOptions Route { get; init; } = new();

    /// <summary>Of the user, for a file of rules when the place is not given: each file has a directory of its own.</summary>
    public static string DefaultStateDirectory(string rules) => State.StateDirectory.DefaultFor(rules);

    /// <summary>Makes a state directory when it is missing, and writes to it; another process may use it.</summary>
    /// <exception cref="IOException">It cannot be made or written to.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static void TryStateDirectory(string path) => State.StateDirectory.Try(path);
}
