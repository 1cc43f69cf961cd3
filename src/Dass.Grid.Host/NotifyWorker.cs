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
            var running = service.RunAsync(settings.Rules!, rules, cancellationToken);
            while (!running.IsCompleted)
            {
                LogChanges(service.Reports);
                await Task.WhenAny(running, Task.Delay(Look, cancellationToken)).ConfigureAwait(false);
            }
            await running.ConfigureAwait(false);
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
