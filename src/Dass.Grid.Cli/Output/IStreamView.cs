using Dass.Grid.V1;

namespace Dass.Grid.Cli.Output;

/// <summary>Shows a live stream on standard output.</summary>
internal interface IStreamView
{
    void OnReady(Ready ready);

    void OnTags(Tags tags);

    /// <summary>Sounds that the stream's end has closed. Empty: none.</summary>
    void OnEvents(IReadOnlyCollection<Event> events);

    void OnDropped(long chunks);

    /// <summary>Something that a person should know. Empty: nothing.</summary>
    void OnNote(string note) => Terminal.Note(note);

    void OnSummary(Summary summary);

    /// <summary>Runs <paramref name="work"/> with the view that suits the output: a live table for a person, lines for a pipe, JSON or CSV when asked for.</summary>
    static Task ShowAsync(OutputFormat format, Func<IStreamView, Task> work) => format switch
    {
        OutputFormat.Json => work(new JsonView()),
        OutputFormat.Csv => work(new CsvView()),
        _ => Terminal.IsInteractive ? LiveTableView.ShowAsync(work) : work(new LineView()),
    };
}
