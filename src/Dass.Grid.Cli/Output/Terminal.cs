using System.Text;
using Spectre.Console;

namespace Dass.Grid.Cli.Output;

/// <summary>
/// Standard output, and what goes to standard error: notes and progress, so that standard output carries data alone.
/// </summary>
internal static class Terminal
{
    private const int PipeWidth = 4096; // columns
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private static readonly CancellationTokenSource Unread = new();
    private static PipeOutput? _pipe;
    private static volatile bool _outlivesReader;
    private static volatile bool _isDrawn;
    private static readonly IAnsiConsole Error = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });

    /// <summary>Whether standard output is a person's screen.</summary>
    public static bool IsInteractive => !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;

    /// <summary>Is cancelled when the reader of standard output has gone: what a command would still write is for nothing.</summary>
    public static CancellationToken ReaderGone => Unread.Token;

    /// <summary>Nothing is wrapped or drawn in a pipe.</summary>
    public static void Prepare()
    {
        if (Console.IsOutputRedirected)
        {
            // JSON is UTF-8 in every locale.
            Console.OutputEncoding = Utf8;
            _pipe = PipeOutput.TryOpen(() => _ = _outlivesReader ? Task.CompletedTask : Unread.CancelAsync());
            if (_pipe is not null)
            {
                Console.SetOut(new StreamWriter(_pipe, Utf8) { AutoFlush = true });
            }
            AnsiConsole.Profile.Width = PipeWidth;
        }
    }

    /// <summary>What is written is a log: a server goes on without its reader.</summary>
    public static void OutliveReader() => _outlivesReader = true;

    /// <summary>Standard output for bytes of UTF-8. What has been written to <see cref="Console.Out"/> is before them.</summary>
    public static Stream OpenOutput() => _pipe ?? Console.OpenStandardOutput();

    /// <summary>With lines for a person, bare columns for a pipe.</summary>
    public static Table NewTable() => new Table().Border(Console.IsOutputRedirected ? TableBorder.None : TableBorder.Rounded);

    public static void Note(string? note)
    {
        if (string.IsNullOrEmpty(note))
        {
            return;
        }
        if (_isDrawn && !Console.IsErrorRedirected)
        {
            // Above the table, over its first line, which is drawn again below: a line on standard error would tear it.
            var (text, width) = ($"note: {note}", AnsiConsole.Profile.Width);
            AnsiConsole.WriteLine(text.PadRight((text.Length / width + 1) * width - 1));
        }
        else
        {
            Console.Error.WriteLine($"note: {note}");
        }
    }

    /// <summary>Draws a table that redraws itself, below the notes that come meanwhile.</summary>
    public static async Task DrawAsync(Func<LiveDisplayContext, Task> draw)
    {
        _isDrawn = true;
        try
        {
            await AnsiConsole.Live(new Table()).StartAsync(draw).ConfigureAwait(false);
        }
        finally
        {
            _isDrawn = false;
        }
    }

    /// <summary>Runs work with a progress bar, the time it took and the time left, when a person watches standard error.</summary>
    /// <param name="title">What is worked on.</param>
    /// <param name="work">Reports the share that is done, 0 to 1, or null when it is not known.</param>
    public static async Task WithProgressAsync(string title, Func<Action<double?>, Task> work)
    {
        if (Console.IsErrorRedirected)
        {
            await work(_ => { }).ConfigureAwait(false);
            return;
        }
        var progress = Error.Progress().AutoClear(true).Columns(
            new TaskDescriptionColumn(),
            new ProgressBarColumn(),
            new PercentageColumn(),
            new ElapsedTimeColumn(),
            new RemainingTimeColumn());
        await progress.StartAsync(async context =>
        {
            var task = context.AddTask(Markup.Escape(title), maxValue: 1);
            task.IsIndeterminate = true;
            await work(share =>
            {
                task.IsIndeterminate = share is null;
                task.Value = share ?? 0;
            }).ConfigureAwait(false);
        }).ConfigureAwait(false);
    }

    /// <summary>As <see cref="WithProgressAsync"/>, for work that reports to an interface and has a result.</summary>
    public static async Task<T> ProgressAsync<T>(string title, Func<IProgress<double>?, Task<T>> work)
    {
        T result = default!;
        await WithProgressAsync(
            title, async report => result = await work(new Reporter(report)).ConfigureAwait(false)).ConfigureAwait(false);
        return result;
    }

    // The library's own Progress<T> posts to the thread pool, which may reorder reports.
    private sealed class Reporter(Action<double?> report) : IProgress<double>
    {
        public void Report(double value) => report(value);
    }
}
