using Microsoft.Extensions.Options;

namespace Dass.Grid;

/// <summary>For options of the host's configuration. Not linked into the engine, which has no host.</summary>
internal sealed partial class OptionRules
{
    public ValidateOptionsResult Result => _errors.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(_errors);

    /// <exception cref="OptionsValidationException">A rule is broken; it holds every one.</exception>
    public void ThrowIfBroken<TOptions>(string section)
    {
        if (_errors.Count > 0)
        {
            throw new OptionsValidationException(section, typeof(TOptions), _errors);
        }
    }
}
