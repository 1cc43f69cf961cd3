using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Dass.Grid.Cluster.Tests.Fuzz;

/// <summary>What the grid itself says of its failures: a client is only told that there was one.</summary>
internal sealed class GridErrors : ILoggerProvider, ILogger
{
    private const int Kept = 20;
    private const int Longest = 1_500; // characters of each

    private readonly ConcurrentQueue<string> _errors = new();

    public override string ToString() => string.Join('\n', _errors);

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        // of which there are many, and the client is told
        if (IsEnabled(logLevel) && _errors.Count < Kept && exception is not InvalidProtocolBufferException)
        {
            var text = $"{formatter(state, exception)} {exception}";
            _errors.Enqueue(text[..Math.Min(text.Length, Longest)]);
        }
    }

    public void Dispose()
    {
    }
}
