using System.Runtime.CompilerServices;
using Dass.Grid.Client;
using Dass.Grid.Notify.Delivery;
using Dass.Grid.Notify.Reading;
using Dass.Grid.Notify.Rules;
using Dass.Grid.V1;

namespace Dass.Grid.Notify.Routes;

/// <summary>What an operator tries before rules run: nothing of it changes how far they are.</summary>
public static class Trials
{
    /// <summary>Sends a test message to each destination of a rule, once.</summary>
    /// <param name="rules">The file.</param>
    /// <param name="name">Of the rule.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="FormatException">There is no such rule.</exception>
    public static async IAsyncEnumerable<TestResult> TestAsync(
        NotifyRules rules, string name, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var rule = rules.Rules.FirstOrDefault(rule => rule.Name == name)
            ?? throw new FormatException($"there is no rule '{name}'.{Nearest.Question(name, rules.Names)}");
        foreach (var (_, spec) in rules.Routes.Where(route => route.Rule == rule))
        {
            var destination = IDestination.Create(spec, isTrial: true);
            await using (destination.ConfigureAwait(false))
            {
                var notice = Notice.Example(rule.Name, TimeProvider.System.GetUtcNow().UtcDateTime);
                var outcome = await destination.SendAsync(notice, cancellationToken).ConfigureAwait(false);
                yield return new TestResult(
                    rule.Name, spec.Name, spec.Shown, notice.Id, outcome.Kind == DeliveryKind.Delivered, outcome.Reason);
            }
        }
    }

    /// <summary>What kept events would have sent, and why others would not, in the order of their ends.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="rules">The file.</param>
    /// <param name="from">Onset at or after.</param>
    /// <param name="to">Onset before.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async IAsyncEnumerable<DryRunEvent> DryRunAsync(
        GridClient grid, NotifyRules rules, DateTimeOffset from, DateTimeOffset to,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var log = new EventLogReader(grid);
        foreach (var rule in rules.Rules)
        {
            var (decisions, found) = (new RuleDecisions(rule, new RuleMemory()), new FoundEvents());
            await foreach (var kept in log.ReadAsync(rule.ToSelection(), from.UtcDateTime, to.UtcDateTime, cancellationToken)
                .ConfigureAwait(false))
            {
                found.Add(kept);
                foreach (var ended in found.TakeUntil(kept.Onset.ToDateTime(), batch: 1))
                {
                    yield return Result(ended);
                }
            }
            while (found.Count > 0)
            {
                yield return Result(found.Take(1)[0]);
            }

            DryRunEvent Result(KeptEvent kept)
            {
                var why = decisions.Decide(kept) switch
                {
                    Decision.Send => "",
                    Decision.TooQuiet => "below min_peak",
                    Decision.TooShort => "below min_duration",
                    Decision.OutOfHours => "out of hours",
                    Decision.Cooldown => "within the cooldown",
                    _ => "not the first of the day",
                };
                return new DryRunEvent(rule.Name, rule.To, kept, why);
            }
        }
    }
}

/// <param name="Rule">Its name.</param>
/// <param name="Destination">Its name.</param>
/// <param name="Shown">Where it leads, without secrets.</param>
/// <param name="Id">Of the message.</param>
/// <param name="Delivered">Whether the receiver has it.</param>
/// <param name="Reason">Why not.</param>
public sealed record TestResult(string Rule, string Destination, string Shown, string Id, bool Delivered, string Reason);

/// <param name="Rule">Its name.</param>
/// <param name="To">Names of destinations.</param>
/// <param name="Event">As the grid keeps it.</param>
/// <param name="LeftOut">Why no message would have been sent. Empty: one would.</param>
public sealed record DryRunEvent(string Rule, IReadOnlyList<string> To, KeptEvent Event, string LeftOut);
