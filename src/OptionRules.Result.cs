using Microsoft.Extensions.Options;

namespace Dass.Grid;

/// <summary>For options of the host's configuration. Not linked into the engine, which has no host.</summary>
internal sealed partial class OptionRules
{
    // Timers wait for 49 days at most, and some settings are waited for a little longer than they say.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(30);

    public ValidateOptionsResult Result => _errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(_errors);

    /// <summary>As <see cref="MoreThanZero"/>, of a time that a timer waits.</summary>
    public void Timer(string field, TimeSpan value) => Rule(
        value > TimeSpan.Zero && value <= LongestTimer, field, $"{value}", $"more than zero, at most {LongestTimer.TotalDays} days");

    /// <exception cref="OptionsValidationException">A rule is broken; it holds every one.</exception>
    public void ThrowIfBroken<TOptions>(string section)
    {
        if (_errors.Count > 0)
        {
            throw new OptionsValidationException(section, typeof(TOptions), _errors);
        }
    }
}
