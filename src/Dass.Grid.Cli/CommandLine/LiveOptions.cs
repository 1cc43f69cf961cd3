using System.CommandLine;
using Dass.Grid.Client;

namespace Dass.Grid.Cli.CommandLine;

/// <summary>How live sources are fed, as options.</summary>
internal sealed class LiveOptions
{
    private readonly Option<TimeSpan?> _giveUp = Options.Span(
        "--give-up-after", "Give up a grid that stays away or refuses for so long (default: never).");

    private readonly Option<string?> _tape = new("--tape")
    {
        HelpName = "DIR",
        Description = "Directory for audio that waits for a grid that is away (default: none; a minute waits in memory).",
    };

    private readonly Option<TimeSpan> _length = Options.Span(
        "--tape-length", "Audio of each source that --tape holds; older audio is dropped.", TimeSpan.FromHours(1));

    public Option[] All => [_giveUp, _tape, _length];

    public LiveFeedOptions From(ParseResult parsed) => new()
    {
        GiveUpAfter = parsed.GetValue(_giveUp) ?? Timeout.InfiniteTimeSpan,
        TapeDirectory = parsed.GetValue(_tape),
        Tape = parsed.GetValue(_length),
    };
}
