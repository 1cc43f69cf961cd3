using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Dass.Grid.Host;

/// <summary>
/// Escapes control characters in all that is logged, in the one place that every logger comes from: texts of clients (ids, methods, paths)
/// could otherwise forge lines, or command the terminal that shows them. Values that go by OTLP apart from the text stay as they are.
/// </summary>
internal sealed class EscapedLog(LoggerFactory loggers) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new Logger(loggers.CreateLogger(categoryName), categoryName);

    /// <summary>Orleans' advice on the garbage collector: two warnings at each start of dass, which leaves memory to others.</summary>
    private const int ServerGcAdvice = 100405;
    private const string Silo = "Orleans.Runtime.Silo";

    /// <summary>A call that this silo, which stops, does not make any more; its caller is told, and logs what it means.</summary>
    private const int NotAddressed = 100071;
    private const string Messaging = "Orleans.Messaging";

    public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

    public void Dispose() => loggers.Dispose();

    /// <summary>Writes characters that show nothing, or change how others are shown, as \uXXXX.</summary>
    /// <param name="text">Any.</param>
    /// <param name="lines">Whether the text may have lines and tabs: an exception's.</param>
    public static string Escape(string text, bool lines = false)
    {
        if (!text.Any(c => IsEscaped(c, lines)))
        {
            return text;
        }
        var escaped = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            if (IsEscaped(c, lines))
            {
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            }
            else
            {
                escaped.Append(c);
            }
        }
        return escaped.ToString();
    }

    private static bool IsEscaped(char c, bool lines) =>
        c < ' ' ? !(lines && c is '\r' or '\n' or '\t')
        : c >= 0x7f && char.GetUnicodeCategory(c)
            is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    private sealed class Logger(ILogger inner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel) && !IsNoise(eventId.Id, exception))
            {
                inner.Log(logLevel, eventId, state, Escaped(exception), (values, failure) => Escape(formatter(values, failure)));
            }
        }

        private bool IsNoise(int id, Exception? exception) => (category, id) switch
        {
            (Silo, ServerGcAdvice) => true,
            (Messaging, NotAddressed) => exception is SiloUnavailableException,
            _ => false,
        };

        private static Exception? Escaped(Exception? exception) =>
            exception?.ToString() is { } text && Escape(text, lines: true) is var escaped && !ReferenceEquals(text, escaped)
                ? new EscapedException(exception.Message, escaped)
                : exception;
    }

    /// <summary>Stands for an exception whose text had to be escaped.</summary>
    private sealed class EscapedException(string message, string text) : Exception(Escape(message))
    {
        public override string ToString() => text;
    }
}

internal static class EscapedLogExtensions
{
    public static void EscapeLogs(this IServiceCollection services)
    {
        services.AddSingleton<LoggerFactory>();
        services.Replace(
            ServiceDescriptor.Singleton<ILoggerFactory>(provider => new EscapedLog(provider.GetRequiredService<LoggerFactory>())));
    }
}
