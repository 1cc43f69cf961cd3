using Dass.Grid.V1;

namespace Dass.Grid.Notify.Rules;

/// <summary>What becomes of an event.</summary>
internal enum Decision
{
    Send,
    TooQuiet,
    TooShort,
    OutOfHours,
    Cooldown,
    NotFirst,
}

/// <summary>Decides event by event, and remembers what cooldowns and firsts of the day need.</summary>
/// <param name="rule">The rule.</param>
/// <param name="memory">Is changed by each event that is sent.</param>
internal sealed class RuleDecisions(Rule rule, RuleMemory memory)
{
    public Decision Decide(KeptEvent kept)
    {
        var onset = TimeZoneInfo.ConvertTime(kept.Onset.ToDateTimeOffset(), rule.TimeZone);
        if (kept.Event.PeakScore < rule.MinPeak)
        {
            return Decision.TooQuiet;
        }
        if (kept.Event.OffsetSeconds - kept.Event.OnsetSeconds < rule.MinDuration.TotalSeconds)
        {
            return Decision.TooShort;
        }
        var time = TimeOnly.FromDateTime(onset.DateTime);
        if ((rule.Hours.Count > 0 && !rule.Hours.Any(hours => hours.Has(time)))
            || (rule.Days.Count > 0 && !rule.Days.Contains(onset.DayOfWeek)))
        {
            return Decision.OutOfHours;
        }
        var (key, day) = (rule.KeyOf(kept), DateOnly.FromDateTime(onset.DateTime));
        var known = memory.Sent.GetValueOrDefault(key);
        if (rule.FirstOfDay && known is not null && known.Day >= day)
        {
            return Decision.NotFirst;
        }
        if (known is not null && (onset.UtcDateTime - known.Onset).Duration() < rule.Cooldown)
        {
            return Decision.Cooldown;
        }
        // A recording of last week moves neither back.
        if (known is null || onset.UtcDateTime > known.Onset)
        {
            memory.Remember(key, new SentBefore(onset.UtcDateTime, day));
        }
        return Decision.Send;
    }
}

/// <summary>What was sent last, by what shares a cooldown. Changes can be reverted until they are kept.</summary>
internal sealed class RuleMemory
{
    private readonly Dictionary<string, SentBefore> _sent = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SentBefore?> _before = new(StringComparer.Ordinal); // of what has changed

    public IReadOnlyDictionary<string, SentBefore> Sent => _sent;

    public void Remember(string key, SentBefore sent)
    {
        _before.TryAdd(key, _sent.GetValueOrDefault(key));
        _sent[key] = sent;
    }

    public void Forget(DateTime before)
    {
        foreach (var (key, _) in _sent.Where(each => each.Value.Onset < before).ToArray())
        {
            _sent.Remove(key);
        }
    }

    /// <summary>What has been remembered and not been kept yet.</summary>
    public Dictionary<string, SentBefore> Changes() =>
        _before.Keys.Where(_sent.ContainsKey).ToDictionary(key => key, key => _sent[key]);

    public void Keep() => _before.Clear();

    public void Revert()
    {
        foreach (var (key, before) in _before)
        {
            if (before is null)
            {
                _sent.Remove(key);
            }
            else
            {
                _sent[key] = before;
            }
        }
        _before.Clear();
    }
}

/// <param name="Onset">Of the last event that was sent, UTC.</param>
/// <param name="Day">The same in the rule's time zone.</param>
internal sealed record SentBefore(DateTime Onset, DateOnly Day);
