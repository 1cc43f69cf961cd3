using System.CommandLine;
using Dass.Grid.Cli.CommandLine;

namespace Dass.Grid.Cli.Commands;

/// <summary>
/// <c>dass completion SHELL</c>: a script by which a shell completes commands and options; the command line itself says which.
/// </summary>
internal static class CompletionCommand
{
    private const string Bash =
        """
        # eval "$(dass completion bash)"
        _dass_complete() {
          local word="${COMP_WORDS[COMP_CWORD]}" line
          COMPREPLY=()
          while IFS= read -r line; do
            [[ $line == "$word"* ]] && COMPREPLY+=("$(printf '%q' "$line")")
          done < <(dass "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)
        }
        complete -o default -F _dass_complete dass
        """;

    private const string Zsh =
        """
        # eval "$(dass completion zsh)"
        _dass_complete() {
          local -a found
          found=("${(@f)$(dass "[suggest:$CURSOR]" "$BUFFER" 2>/dev/null)}")
          compadd -- ${found:#}
          _files
        }
        compdef _dass_complete dass
        """;

    private const string Fish =
        """
        # dass completion fish | source
        complete -c dass -a '(dass "[suggest:"(string length -- (commandline -cp))"]" (commandline -cp) 2>/dev/null)'
        """;

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish." }.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Prints a script by which a shell completes the commands and options of dass.") { shell };
        command.SetAction(parsed =>
        {
            Console.Out.WriteLine(parsed.GetValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish });
            return Invocation.Success;
        });
        return command;
    }
}
