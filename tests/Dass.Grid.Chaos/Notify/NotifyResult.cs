namespace Dass.Grid.Chaos.Notify;

/// <summary>What came of a drill.</summary>
/// <param name="Events">That have closed.</param>
/// <param name="Messages">That should have come: each event for each rule of the webhook.</param>
/// <param name="Lost">Of them, those that did not.</param>
/// <param name="Strange">Messages of events that there were none of.</param>
/// <param name="Doubled">Messages that a receiver which obeys the id would have taken twice.</param>
/// <param name="Repeated">Messages that came again, under the same id.</param>
/// <param name="OutOfOrder">Messages that came before one of their stream and rule that had ended earlier.</param>
/// <param name="FileLost">Events that are not in the file.</param>
/// <param name="Kills">By process.</param>
/// <param name="DelayP50">From the moment in which a feeder was told that the sound is over to its message, seconds.</param>
/// <param name="DelayP99">The same.</param>
/// <param name="DelayMax">The same.</param>
/// <param name="Failures">Streams that could not be fed.</param>
internal sealed record NotifyResult(
    int Events, int Messages, int Lost, int Strange, int Doubled, int Repeated, int OutOfOrder, int FileLost,
    IReadOnlyDictionary<string, int> Kills, double DelayP50, double DelayP99, double DelayMax, IReadOnlyList<string> Failures)
{
    public bool Passed => Events > 0 && Lost + Strange + Doubled + OutOfOrder + FileLost + Failures.Count == 0;

    public static NotifyResult Compare(
        Dictionary<(string Stream, string Event), DateTime> closed, DrillMessage[] messages, string[] lines, IReadOnlyList<Killed> kills,
        IReadOnlyList<string> failures)
    {
        var taken = messages.Where(message => !message.Again).ToArray();
        var keys = taken.Select(message => (message.Rule, message.Stream, message.Event)).ToArray();
        var known = keys.ToHashSet();
        var lost = closed.Keys.Sum(each => NotifyRules.All.Count(rule => !known.Contains((rule, each.Stream, each.Event))));
        var outOfOrder = taken.GroupBy(message => (message.Rule, message.Stream)).Sum(
            lane => lane.Zip(lane.Skip(1)).Count(pair => pair.Second.Offset < pair.First.Offset));
        double[] delays =
        [
            .. taken.Where(message => closed.ContainsKey((message.Stream, message.Event)))
                .Select(message => (message.At - closed[(message.Stream, message.Event)]).TotalSeconds).Order(),
        ];
        double At(double share) => delays.Length == 0 ? 0 : delays[(int)Math.Min(delays.Length - 1, share * delays.Length)];
        return new NotifyResult(
            closed.Count, closed.Count * NotifyRules.All.Count, lost,
            known.Count(key => !closed.ContainsKey((key.Stream, key.Event))), keys.Length - known.Count, messages.Length - taken.Length,
            outOfOrder, closed.Count - lines.Distinct().Count(), kills.CountBy(kill => kill.What).ToDictionary(), At(0.5), At(0.99), At(1),
            failures);
    }
}
