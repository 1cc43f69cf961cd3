using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Spectre.Console;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>What a person sees of streams on a screen.</summary>
public sealed class LiveViewTests
{
    private const int Shown = 40;

    private readonly StringWriter _screen = new();

    [Fact]
    public async Task A_stream_that_begins_takes_the_line_of_the_one_that_ended_longest_ago()
    {
        await LiveBoard.ShowAsync(
            viewOf =>
            {
                for (var i = 0; i <= Shown; i++)
                {
                    viewOf($"live-{i:00}").OnReady(new Ready());
                    viewOf($"live-{i:00}").OnTags(new Tags { EndSeconds = 1 });
                }
                viewOf("live-07").OnSummary(new Summary());
                viewOf("live-03").OnSummary(new Summary());
                viewOf($"live-{Shown}").OnTags(new Tags { EndSeconds = 2 }); // had no line
                viewOf("late").OnReady(new Ready());
                viewOf("later").OnReady(new Ready());
                return Task.CompletedTask;
            },
            Screen());
        var last = Last();
        Assert.Contains($"live-{Shown}", last, StringComparison.Ordinal);
        Assert.Contains("late ", last, StringComparison.Ordinal);
        Assert.DoesNotContain("live-03", last, StringComparison.Ordinal);
        Assert.DoesNotContain("live-07", last, StringComparison.Ordinal);
        Assert.DoesNotContain("later", last, StringComparison.Ordinal);
        Assert.Contains("and 1 more streams", last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_source_that_is_lost_is_shown_at_once_in_both_views()
    {
        var lost = new Event { Kind = EventKind.Opened, Label = "source.lost", OnsetSeconds = 12 };
        var gone = new Event { Kind = EventKind.Closed, Label = "Dog", OnsetSeconds = 10, OffsetSeconds = 12 };
        await LiveTableView.ShowAsync(
            view =>
            {
                view.OnTags(new Tags { StartSeconds = 11, EndSeconds = 12 });
                view.OnEvents([gone, lost]);
                view.OnTags(new Tags { StartSeconds = 12, EndSeconds = 13 });
                return Task.CompletedTask;
            },
            Screen());
        Assert.Contains("> source.lost from 12.00s", Last(), StringComparison.Ordinal);
        Assert.Contains("< Dog 10.00s - 12.00s", Last(), StringComparison.Ordinal);

        _screen.GetStringBuilder().Clear();
        await LiveBoard.ShowAsync(
            viewOf =>
            {
                viewOf("yard").OnReady(new Ready());
                viewOf("yard").OnEvents([lost]);
                return Task.CompletedTask;
            },
            Screen());
        Assert.Contains("source.lost", Last(), StringComparison.Ordinal);
    }

    private IAnsiConsole Screen()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes, Interactive = InteractionSupport.Yes, ColorSystem = ColorSystemSupport.NoColors,
            Out = new AnsiConsoleOutput(_screen),
        });
        (console.Profile.Width, console.Profile.Height) = (120, 100);
        return console;
    }

    /// <summary>The table as it was drawn last.</summary>
    private string Last()
    {
        var text = _screen.ToString();
        return text[text.LastIndexOf("heard in the last 10 s", StringComparison.Ordinal)..];
    }
}
