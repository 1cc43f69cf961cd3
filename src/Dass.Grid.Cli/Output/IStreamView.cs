using Dass.Grid.V1;

namespace Dass.Grid.Cli.Output;

/// <summary>Shows a live stream on standard output.</summary>
internal interface IStreamView
{
    void OnReady(Ready ready);

    void OnTags(Tags tags);

    /// <summary>Sounds that the stream's end has closed, or a gap, or another model. Empty: none.</summary>
    void OnEvents(IReadOnlyCollection<Event> events);

    void OnDropped(long chunks);

    /// <summary>Something that a person should know. Empty: nothing.</summary>
    void OnNote(string note) => Terminal.Note(note);

    /// <summary>The connection broke, and is tried again.</summary>
    void OnInterrupted(string note) => OnNote(note);

    /// <summary>
    /// The audio before <paramref name="sample"/> goes out now; <see cref="long.MaxValue"/>: and no more will follow. May come from another
    /// thread.
    /// </summary>
    void OnSent(long sample)
    {
    }

    void OnSummary(Summary summary);

    /// <summary>
    /// Runs <paramref name="work"/> with the view that suits the output: a live table for a person, lines for a pipe, JSON or CSV when
    /// asked for.
    /// </summary>
    static Task ShowAsync(OutputFormat format, Func<IStreamView, Task> work) => format switch
    {
        OutputFormat.Json => work(new JsonView()),
        OutputFormat.Csv => work(new CsvView()),
        _ => Terminal.IsInteractive ? LiveTableView.ShowAsync(work) : work(new LineView()),
    };

    /// <summary>As <see cref="ShowAsync"/>, for any number of streams: each line names its stream.</summary>
    /// <param name="format">How they are shown.</param>
    /// <param name="work">Gets the view of the stream of an id.</param>
    static Task ShowManyAsync(OutputFormat format, Func<Func<string, IStreamView>, Task> work)
    {
        if (format == OutputFormat.Table && Terminal.IsInteractive)
        {
            return LiveBoard.ShowAsync(work);
        }
        if (format == OutputFormat.Csv)
        {
            CsvView.WriteHeader(many: true);
        }
        return work(id => format switch
        {
            OutputFormat.Json => new JsonView(id),
            OutputFormat.Csv => new CsvView(id),
            _ => new LineView(id),
        });
    }
}
