using System.Numerics;

namespace Dass.Grid;

/// <summary>
/// Collects every broken rule of a set of options, so that one error can name them all: each with field, value and rule. Linked into every
/// project that checks options, so that none must reference another for it.
/// </summary>
internal sealed partial class OptionRules
{
    // Times are added to those of clocks.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(36_500);

    private readonly List<string> _errors = [];

    /// <summary>The broken rules, in the order in which they were checked.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>Both ends are allowed; NaN is not.</summary>
    public void InRange<T>(string field, T value, T lowest, T highest)
        where T : IComparable<T> =>
        Rule(
            value.CompareTo(lowest) >= 0 && value.CompareTo(highest) <= 0,
            field, value, $"it must be {Text(lowest)} to {Text(highest)}");

    public void AtLeast<T>(string field, T value, T lowest)
        where T : INumber<T> => Rule(value >= lowest, field, value, $"at least {lowest:N0}");

    /// <summary>The value is named as configuration files write times, e.g. 00:00:30.</summary>
    public void MoreThanZero(string field, TimeSpan value) =>
        Rule(value > TimeSpan.Zero && value <= Longest, field, $"{value}", $"more than zero, at most {Longest.TotalDays} days");

    /// <inheritdoc cref="MoreThanZero"/>
    public void ZeroOrMore(string field, TimeSpan value) =>
        Rule(value >= TimeSpan.Zero && value <= Longest, field, $"{value}", $"zero or more, at most {Longest.TotalDays} days");

    /// <param name="holds">Whether the rule is kept.</param>
    /// <param name="field">Its name where the options are set.</param>
    /// <param name="value">A time is named in seconds.</param>
    /// <param name="rule">What is allowed, without a full stop.</param>
    public void Rule(bool holds, string field, object? value, string rule)
    {
        if (!holds)
        {
            Add($"{field} is {Text(value)}; {rule}.");
        }
    }

    /// <summary>A broken rule as a sentence of its own.</summary>
    public void Add(string error) => _errors.Add(error);

    /// <summary>Options inside options, which check themselves.</summary>
    /// <param name="prefix">Their name, before the message of what they throw.</param>
    /// <param name="validate">Throws an <see cref="ArgumentException"/> when a rule is broken.</param>
    public void Nested(string prefix, Action validate)
    {
        try
        {
            validate();
        }
        catch (ArgumentException broken)
        {
            Add($"{prefix}: {broken.Message}");
        }
    }

    /// <exception cref="ArgumentException">A rule is broken; the message lists every one with field, value and rule.</exception>
    public void ThrowIfBroken()
    {
        if (_errors.Count > 0)
        {
            throw new ArgumentException(string.Join(' ', _errors));
        }
    }

    private static string Text(object? value) => value is TimeSpan time ? $"{time.TotalSeconds:0.#######} s" : $"{value}";
}
