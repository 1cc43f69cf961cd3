using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>What the grid logs from a level on, as a console would show it: level, category, message, exception.</summary>
internal sealed class RecordedLog(LogLevel least) : ILoggerProvider
{
    private readonly ConcurrentQueue<string> _entries = new();

    public IReadOnlyCollection<string> Entries => _entries;

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Category(RecordedLog log, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= log.Least;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                log._entries.Enqueue($"{logLevel} {name}: {formatter(state, exception)} {exception}");
            }
        }
    }

    private LogLevel Least => least;
}
