using Dass.Grid.Cli.Clips;
using Dass.Grid.Cli.Output;
using Dass.Grid.Client;
using Grpc.Core;

namespace Dass.Grid.Cli.Sources;

/// <summary>Runs a set of sources, and changes it while it runs.</summary>
/// <param name="grid">The grid.</param>
/// <param name="options">How each is fed.</param>
/// <param name="clips">Which audio around events is kept. Null: none.</param>
internal sealed class SourceSupervisor(GridClient grid, LiveFeedOptions options, ClipRules? clips = null)
{
    private readonly Dictionary<string, Running> _running = new(StringComparer.Ordinal); // its own lock

    /// <summary>All sources in the order of their ids.</summary>
    public IReadOnlyList<SourceReport> Reports
    {
        get
        {
            lock (_running)
            {
                return [.. _running.Values.Select(each => each.Status.Report()).OrderBy(report => report.Id, StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>Whether a source was given up.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>Begins what is new, ends what is gone, begins again what is different; the rest is not touched.</summary>
    public async Task ApplyAsync(IReadOnlyList<SourceSpec> specs, CancellationToken cancellationToken)
    {
        var gone = new List<Running>();
        lock (_running)
        {
            foreach (var each in _running.Values.Where(each => !specs.Contains(each.Status.Spec)).ToArray())
            {
                _running.Remove(each.Status.Spec.Id);
                gone.Add(each);
            }
        }
        foreach (var each in gone)
        {
            await each.Stop.CancelAsync().ConfigureAwait(false);
        }
        await Task.WhenAll(gone.Select(each => each.Work)).ConfigureAwait(false);
        lock (_running)
        {
            foreach (var spec in specs.Where(spec => !_running.ContainsKey(spec.Id)))
            {
                var status = new SourceStatus(spec, options.Time);
                var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                var work = Task.Run(() => WorkAsync(spec, status, stop.Token), CancellationToken.None);
                _running.Add(spec.Id, new Running(status, stop, work));
            }
        }
    }

    /// <summary>Until all sources are over: they were told to stop, or the grid was given up.</summary>
    public Task CompletionAsync()
    {
        lock (_running)
        {
            return Task.WhenAll(_running.Values.Select(each => each.Work));
        }
    }

    private async Task WorkAsync(SourceSpec spec, SourceStatus status, CancellationToken stop)
    {
        try
        {
            await (spec.Kind == SourceKind.Folder
                ? new FolderRunner(spec, status, grid, options).RunAsync(stop)
                : new SourceRunner(spec, status, grid, options)
                {
                    Clips = clips is null ? null : new ClipKeeper(clips, spec.Id, grid, options.Time, Terminal.Note),
                }.RunAsync(stop)).ConfigureAwait(false);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            status.OnEnded("");
        }
        catch (Exception given)
        {
            HasFailed = true;
            status.OnEnded(given is RpcException { Status.Detail: var detail } ? $"Given up: {detail}" : $"Given up: {given.Message}");
        }
    }

    private sealed record Running(SourceStatus Status, CancellationTokenSource Stop, Task Work);
}
