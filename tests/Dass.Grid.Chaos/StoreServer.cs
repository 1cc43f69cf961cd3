using System.Diagnostics;

namespace Dass.Grid.Chaos;

/// <summary>The store and the membership of a grid: Debian's Redis or PostgreSQL on a free port, or a directory beside a Redis.</summary>
/// <param name="kind">Redis, postgres or file.</param>
/// <param name="directory">For its files.</param>
/// <param name="address">At which all processes of the grid reach it, beside loopback.</param>
internal sealed class StoreServer(string kind, string directory, string address) : IAsyncDisposable
{
    private readonly int _port = GridProcess.FreePort();
    private Process? _server;

    public string Kind => kind;

    public Dictionary<string, string> Settings => kind switch
    {
        "redis" => new() { ["Grid:Cluster"] = "redis", ["Grid:Store"] = "redis", ["Grid:Redis"] = $"{address}:{_port}" },
        "postgres" => new()
        {
            ["Grid:Cluster"] = "postgres",
            ["Grid:Store"] = "postgres",
            ["Grid:Postgres"] = $"Host={address};Port={_port};Database=dass;Username=dass;Password=dass;Maximum Pool Size=20",
        },
        _ => new()
        {
            ["Grid:Cluster"] = "redis",
            ["Grid:Redis"] = $"{address}:{_port}",
            ["Grid:Store"] = "file",
            ["Grid:StoreDirectory"] = Files,
        },
    };

    private string[] Addresses => [.. new[] { "127.0.0.1", address }.Distinct()];

    /// <summary>Directory of the file store.</summary>
    public string Files => Path.Combine(directory, "store");

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        switch (kind)
        {
            default: // processes need a place to meet that outlives each of them, also when streams are files
                Directory.CreateDirectory(Files);
                _server = Run(
                    "redis-server",
                    [
                        "--port", $"{_port}", "--dir", directory, "--bind", .. Addresses, "--protected-mode", "no", "--save", "3600 1",
                        "--loglevel", "warning",
                    ]);
                await RetryAsync(() => DoAsync("redis-cli", "-p", $"{_port}", "ping"), cancellationToken);
                break;
            case "postgres":
                var data = Path.Combine(directory, "pg");
                var bin = Directory.GetDirectories("/usr/lib/postgresql").Order().Last() + "/bin";
                if (!Directory.Exists(data))
                {
                    await DoAsync("chown", "-R", "postgres", directory);
                    await AsPostgresAsync($"{bin}/initdb", "-D", data, "-A", "trust");
                    await File.AppendAllTextAsync(
                        Path.Combine(data, "pg_hba.conf"), $"host all all {address}/24 trust\n", cancellationToken);
                }
                await AsPostgresAsync(
                    $"{bin}/pg_ctl", "-D", data, "-w", "-l", Path.Combine(directory, "pg.log"), "-o",
                    $"-p {_port} -k {directory} -c listen_addresses={string.Join(',', Addresses)}", "start");
                if (!File.Exists(Path.Combine(directory, "pg.made")))
                {
                    await AsPostgresAsync(
                        "psql", "-h", directory, "-p", $"{_port}", "-c", "create role dass superuser login password 'dass'");
                    await AsPostgresAsync("createdb", "-h", directory, "-p", $"{_port}", "-O", "dass", "dass");
                    await AsPostgresAsync(
                        "psql", "-q", "-v", "ON_ERROR_STOP=1",
                        "-h", directory, "-p", $"{_port}", "-U", "dass", "-d", "dass", "-f", Schema());
                    await File.WriteAllTextAsync(Path.Combine(directory, "pg.made"), "", cancellationToken);
                }
                break;
        }
    }

    public async Task StopAsync()
    {
        if (_server is { HasExited: false } server)
        {
            await DoAsync("kill", "-TERM", $"{server.Id}");
            await server.WaitForExitAsync();
        }
        else if (kind == "postgres")
        {
            var bin = Directory.GetDirectories("/usr/lib/postgresql").Order().Last() + "/bin";
            await AsPostgresAsync($"{bin}/pg_ctl", "-D", Path.Combine(directory, "pg"), "-m", "fast", "-w", "stop");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _server?.Dispose();
    }

    private static string Schema() => Path.Combine(Checkout.Root, "deploy", "postgres", "schema.sql");

    private static Task AsPostgresAsync(params string[] command) => DoAsync("runuser", ["-u", "postgres", "--", .. command]);

    private static Process Run(string command, params string[] arguments)
    {
        var process = Process.Start(
            new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static async Task DoAsync(string command, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{command} {string.Join(' ', arguments)}: {await errors}");
        }
    }

    private static async Task RetryAsync(Func<Task> work, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await work();
                return;
            }
            catch (InvalidOperationException) when (attempt < 50)
            {
                await Task.Delay(100, cancellationToken);
            }
        }
    }
}
