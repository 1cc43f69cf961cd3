using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Cluster.Tests.Fuzz;

/// <summary>What the grid itself says of its failures: a client is only told that there was one.</summary>
internal sealed class GridErrors : ILoggerProvider, ILogger
{
    private const int Kept = 20;
    private const int Longest = 1_500; // characters of each

    private readonly ConcurrentQueue<string> _errors = new();

    /// <summary>A client's broken message is no failure of the grid: it raises no alarm.</summary>
    public bool IsEmpty => _errors.IsEmpty;

    public override string ToString() => string.Join('\n', _errors);

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel) && _errors.Count < Kept)
        {
            var text = $"{formatter(state, exception)} {exception}";
            _errors.Enqueue(text[..Math.Min(text.Length, Longest)]);
        }
    }

    public void Dispose()
    {
    }
}
