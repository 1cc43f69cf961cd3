namespace Dass.Grid.Notify.Routes;

/// <summary>How a rule stands with one of its destinations.</summary>
public enum RouteState
{
    /// <summary>It waits for events.</summary>
    Ready,

    /// <summary>It sends.</summary>
    Sending,

    /// <summary>The destination fails; messages wait and are tried again.</summary>
    Failing,

    /// <summary>As many messages wait as it keeps: it reads no events until some are sent.</summary>
    Full,

    /// <summary>The grid is away, or refuses.</summary>
    NoGrid,

    /// <summary>Its own state cannot be written.</summary>
    NoState,
}

/// <summary>How a rule stands with one of its destinations.</summary>
/// <param name="Rule">Its name.</param>
/// <param name="Destination">Its name.</param>
/// <param name="Shown">Where it leads, without secrets.</param>
/// <param name="State">How it stands.</param>
/// <param name="Waiting">Messages that are to be sent.</param>
/// <param name="Sent">Messages since this process began.</param>
/// <param name="GivenUp">Messages that went to the dead letters since then.</param>
/// <param name="LastSent">When, UTC. Null: none was.</param>
/// <param name="Last">What was heard, where. Empty: no message yet.</param>
/// <param name="Delay">From the end of the last event that was sent to its delivery. Null: none was.</param>
/// <param name="Note">What is wrong. Empty: nothing.</param>
public sealed record RouteReport(
    string Rule, string Destination, string Shown, RouteState State, int Waiting, long Sent, long GivenUp, DateTime? LastSent, string Last,
    TimeSpan? Delay, string Note);
