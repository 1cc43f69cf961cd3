namespace Dass.Grid.Engine;

/// <summary>Collects every broken rule of a set of options, so that one error can name them all.</summary>
internal sealed class OptionRules
{
    private readonly List<string> _errors = [];

    public void InRange<T>(string field, T value, T lowest, T highest)
        where T : IComparable<T>
    {
        Rule(value.CompareTo(lowest) >= 0 && value.CompareTo(highest) <= 0, field, value, $"must be {Text(lowest)} to {Text(highest)}");
    }

    public void Rule(bool holds, string field, object? value, string rule)
    {
        if (!holds)
        {
            _errors.Add($"{field} is {Text(value)}; it {rule}.");
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
