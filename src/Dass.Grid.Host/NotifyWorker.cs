using Dass.Grid.Client;
using Dass.Grid.Notify.Routes;
using Dass.Grid.Notify.Rules;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Dass.Grid.Host;

/// <summary>Runs rules in the process of a gateway, as a client of it.</summary>
internal sealed partial class NotifyWorker(
    NotifySettings settings, IServer server, IHostApplicationLifetime lifetime, ILogger<NotifyWorker> logger) : BackgroundService
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, RouteReport> _last = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var started = new TaskCompletionSource();
        await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
        await started.Task.WaitAsync(stoppingToken).ConfigureAwait(false);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RunAsync(stoppingToken).ConfigureAwait(false);
            }
            catch (Exception broken) when (!stoppingToken.IsCancellationRequested)
            {
                LogStopped(broken.Message);
                await Task.Delay(Pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task RunAsync(CancellationToken cancellationToken)
    {
        var written = settings.KeyFile is null ? default : FollowedFile.WrittenUtc(settings.KeyFile);
        var key = settings.KeyFile is { } file ? (await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false)).Trim() : null;
        var rules = await RuleFile.ReadAsync(settings.Rules!, cancellationToken).ConfigureAwait(false);
        foreach (var warning in rules.Warnings)
        {
            LogNote(warning);
        }
        using var grid = new GridClient(Address(), key);
        var service = new NotifyService(grid, new NotifyOptions { StateDirectory = settings.StateDirectory, Note = LogNote });
        await using (service.ConfigureAwait(false))
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var running = service.RunAsync(settings.Rules!, rules, stop.Token);
            while (!running.IsCompleted && !stop.IsCancellationRequested)
            {
                LogChanges(service.Reports);
                await Task.WhenAny(running, Task.Delay(Look, cancellationToken)).ConfigureAwait(false);
                if (IsAnotherKey(key, ref written))
                {
                    LogNote($"{settings.KeyFile} has changed.");
                    await stop.CancelAsync().ConfigureAwait(false);
                }
            }
            await running.ConfigureAwait(false);
        }
    }

    /// <summary>A file that is away, or empty, takes no key away.</summary>
    private bool IsAnotherKey(string? key, ref DateTime written)
    {
        if (settings.KeyFile is not { } file || FollowedFile.WrittenUtc(file) is var now && now == written)
        {
            return false;
        }
        try
        {
            written = now;
            return File.ReadAllText(file).Trim() is { Length: > 0 } other && other != key;
        }
        catch (Exception away) when (away is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Where this process answers, on the machine itself.</summary>
    private Uri Address()
    {
        var address = settings.Address ?? server.Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new Uri(address.Replace("://0.0.0.0", "://127.0.0.1", StringComparison.Ordinal)
            .Replace("://[::]", "://[::1]", StringComparison.Ordinal));
    }

    private void LogChanges(IReadOnlyList<RouteReport> reports)
    {
        foreach (var report in reports)
        {
            var name = $"{report.Rule}@{report.Destination}";
            var last = _last.GetValueOrDefault(name);
            _last[name] = report;
            if (report.GivenUp > (last?.GivenUp ?? 0))
            {
                LogGivenUp(report.Rule, report.Destination, report.GivenUp, report.Note);
            }
            if (IsTrouble(report) && last?.State != report.State)
            {
                LogTrouble(report.Rule, report.Destination, report.State, report.Waiting, report.Note);
            }
            else if (!IsTrouble(report) && last is not null && IsTrouble(last))
            {
                LogRecovered(report.Rule, report.Destination, report.Waiting, report.Sent);
            }
        }
    }

    private static bool IsTrouble(RouteReport report) => report.State is not (RouteState.Ready or RouteState.Sending);
}
