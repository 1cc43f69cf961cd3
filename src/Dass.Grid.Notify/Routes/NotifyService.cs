using Dass.Grid.Client;
using Dass.Grid.Notify.Delivery;
using Dass.Grid.Notify.Reading;
using Dass.Grid.Notify.Rules;
using Dass.Grid.Notify.State;
using Grpc.Core;

namespace Dass.Grid.Notify.Routes;

/// <summary>Runs a file of rules against a grid, and changes them while it runs.</summary>
public sealed class NotifyService : IAsyncDisposable
{
    private readonly GridClient _grid;
    private readonly NotifyOptions _options;
    private readonly StateDirectory _state;
    private readonly LiveEvents _live;
    private readonly SharedDestinations _destinations;
    private readonly Dictionary<string, Running> _routes = new(StringComparer.Ordinal); // by name; its own lock

    /// <param name="grid">The grid; stays the caller's.</param>
    /// <param name="options">How.</param>
    /// <exception cref="IOException">The state directory cannot be used, or another process uses it.</exception>
    public NotifyService(GridClient grid, NotifyOptions options)
    {
        (_grid, _options, _state) = (grid, options, new StateDirectory(options.StateDirectory));
        _destinations = new SharedDestinations(options.Route.Time);
        _live = new LiveEvents(
            grid, options.Route.Time, opened => ForEach(route => route.OnOpened(opened)),
            closed => ForEach(route => route.OnClosed(closed)), () => ForEach(route => route.OnInterrupted()), options.Note);
    }

    /// <summary>All rules with their destinations, by name.</summary>
    public IReadOnlyList<RouteReport> Reports
    {
        get
        {
            lock (_routes)
            {
                return [.. _routes.OrderBy(each => each.Key, StringComparer.Ordinal).Select(each => each.Value.Route.Report)];
            }
        }
    }

    /// <summary>Asks the grid whether it takes the selections of all rules, e.g. whether it knows their labels.</summary>
    /// <returns>What a person should know of rules that it takes: labels that no model offers.</returns>
    /// <exception cref="FormatException">It does not take all of them.</exception>
    /// <exception cref="RpcException">It is away.</exception>
    public static async Task<IReadOnlyList<string>> CheckAsync(GridClient grid, NotifyRules rules, CancellationToken cancellationToken)
    {
        var (log, problems, now) = (new EventLogReader(grid), new List<string>(), TimeProvider.System.GetUtcNow().UtcDateTime);
        foreach (var rule in rules.Rules)
        {
            try
            {
                var events = log.ReadAsync(rule.ToSelection(), now.AddSeconds(-1), now, cancellationToken)
                    .GetAsyncEnumerator(cancellationToken);
                await using (events.ConfigureAwait(false))
                {
                    await events.MoveNextAsync().ConfigureAwait(false);
                }
            }
            catch (RpcException refused) when (refused.StatusCode is StatusCode.NotFound or StatusCode.InvalidArgument)
            {
                problems.Add($"rule {rule.Name}: {refused.Status.Detail}");
            }
        }
        if (problems.Count > 0)
        {
            throw new FormatException(
                $"the grid does not take the rules:{string.Concat(problems.Select(problem => $"{Environment.NewLine}  {problem}"))}");
        }
        var known = await KnownLabels.AskAsync(grid, cancellationToken).ConfigureAwait(false);
        return
        [
            .. rules.Rules.SelectMany(rule =>
                rule.Labels.Select(known.Hidden).OfType<string>().Select(fault => $"rule {rule.Name}: {fault}")),
        ];
    }

    /// <summary>Runs rules until it is cancelled, and follows their file and those of their secrets.</summary>
    /// <param name="path">Of the file: read again when one of them changes; what cannot be used changes nothing.</param>
    /// <param name="rules">What was read of it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="IOException">The journal of a rule cannot be used.</exception>
    public async Task RunAsync(string path, NotifyRules rules, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var seeing = Task.CompletedTask;
        try
        {
            await ApplyAsync(rules, cancellationToken).ConfigureAwait(false);
            seeing = _live.RunAsync(stop.Token);
            await FollowAsync(path, rules.Files, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await ApplyAsync(new NotifyRules([], [], []), CancellationToken.None).ConfigureAwait(false);
            await seeing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Releases the state directory. The rules must have been cancelled.</summary>
    public ValueTask DisposeAsync()
    {
        _state.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Begins what is new, ends what is gone, begins again what is different; the rest is not touched.</summary>
    /// <exception cref="IOException">Some cannot begin; all others have.</exception>
    internal async Task ApplyAsync(NotifyRules rules, CancellationToken cancellationToken)
    {
        var (wanted, problems) = (rules.Routes.ToArray(), new List<string>());
        Running[] gone;
        lock (_routes)
        {
            gone = [.. _routes.Values.Where(running => !wanted.Any(each => running.Route.IsFor(each.Rule, each.Destination)))];
            Array.ForEach(gone, running => _routes.Remove(running.Route.Name));
        }
        foreach (var running in gone)
        {
            await running.Stop.CancelAsync().ConfigureAwait(false);
            await running.Work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await running.Route.DisposeAsync().ConfigureAwait(false);
            running.Stop.Dispose();
        }
        foreach (var (rule, destination) in wanted)
        {
            try
            {
                Begin(rule, destination, cancellationToken);
            }
            catch (Exception broken) when (broken is IOException or UnauthorizedAccessException)
            {
                problems.Add(broken.Message);
            }
        }
        if (problems.Count > 0)
        {
            throw new IOException(string.Join(" ", problems));
        }
    }

    private void Begin(Rule rule, DestinationSpec destination, CancellationToken cancellationToken)
    {
        lock (_routes)
        {
            if (_routes.ContainsKey($"{rule.Name}@{destination.Name}"))
            {
                return;
            }
            var route = new Route(rule, destination, _destinations, _grid, _state, _options.Route);
            var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            _routes.Add(route.Name, new Running(route, stop, Task.Run(() => route.RunAsync(stop.Token), CancellationToken.None)));
        }
    }

    private async Task FollowAsync(string path, IReadOnlyDictionary<string, DateTime> files, CancellationToken cancellationToken)
    {
        var (isPending, noted) = (false, "");
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(_options.Look, _options.Route.Time, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (cancellationToken.IsCancellationRequested || (!isPending && !FollowedFile.HaveChanged(files)))
            {
                continue;
            }
            void Note(string note)
            {
                if (note != noted)
                {
                    noted = note;
                    _options.Note(note);
                }
            }
            var isUsable = false;
            try
            {
                isPending = true; // a secret that the file names may come later than the file
                var changed = await RuleFile.ReadAsync(path, cancellationToken).ConfigureAwait(false);
                (isPending, files) = (false, changed.Files);
                foreach (var warning in await CheckAsync(_grid, changed, cancellationToken).ConfigureAwait(false))
                {
                    _options.Note(warning);
                }
                isPending = isUsable = true;
                await ApplyAsync(changed, cancellationToken).ConfigureAwait(false);
                isPending = false;
                noted = "";
                _options.Note($"{path} has changed: {changed.Rules.Count} rules.");
            }
            catch (Exception) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException away) when (away.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
            {
                isPending = true; // until the grid can say what it thinks of it
                Note($"{path} has changed, and is read again when the grid is there.");
            }
            catch (Exception broken) when (broken is FormatException or IOException or UnauthorizedAccessException or RpcException)
            {
                var why = (broken as RpcException)?.Status.Detail ?? broken.Message;
                Note(isUsable
                    ? $"{path} has changed, and not all of its rules can begin; that is tried again. {why}"
                    : $"{path} has changed, and the rules of before go on. {why}");
            }
        }
    }

    private void ForEach(Action<Route> action)
    {
        Running[] all;
        lock (_routes)
        {
            all = [.. _routes.Values];
        }
        Array.ForEach(all, running => action(running.Route));
    }

    private sealed record Running(Route Route, CancellationTokenSource Stop, Task Work);
}
