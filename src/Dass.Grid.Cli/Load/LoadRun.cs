using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Client;
using Dass.Grid.Engine;
using Dass.Grid.V1;
using Grpc.Core;

namespace Dass.Grid.Cli.Load;

/// <summary>A tenant that streams, and what came of its streams.</summary>
internal sealed record LoadTenant(GridConnection Grid, LoadTally Tally);

/// <summary>Streams of one recording, all at once.</summary>
/// <param name="tenants">They share the streams.</param>
/// <param name="recording">What each stream plays.</param>
/// <param name="config">Of each stream; ids are filled in.</param>
/// <param name="realtime">At the speed of the audio; else as fast as the grid takes it.</param>
/// <param name="time">Clock.</param>
internal sealed class LoadRun(
    IReadOnlyList<LoadTenant> tenants, LoadRecording recording, StreamConfig config, bool realtime, TimeProvider time)
{
    private static readonly TimeSpan Goodbye = TimeSpan.FromSeconds(5);

    private readonly string _name = $"load-{Guid.NewGuid().ToString("N")[..8]}";
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _failures = new(StringComparer.Ordinal);
    private double _audioSeconds;

    /// <summary>Why streams failed, and how many.</summary>
    public IReadOnlyDictionary<string, int> Failures => _failures;

    /// <summary>What a person should know of the model. Null: nothing.</summary>
    public string? Note { get; private set; }

    /// <param name="streams">How many.</param>
    /// <param name="spread">Time over which they start.</param>
    /// <param name="onAudio">Seconds of audio that have been tagged.</param>
    /// <param name="cancellationToken">Ends all streams.</param>
    public async Task RunAsync(int streams, TimeSpan spread, Action<double> onAudio, CancellationToken cancellationToken)
    {
        void Report(double seconds)
        {
            lock (_lock)
            {
                onAudio(_audioSeconds += seconds);
            }
        }
        var all = Enumerable.Range(0, streams).Select(i => StreamAsync(i, spread * i / streams, Report, cancellationToken));
        await Task.WhenAll(all).ConfigureAwait(false);
    }

    private async Task StreamAsync(int index, TimeSpan delay, Action<double> onAudio, CancellationToken cancellationToken)
    {
        var (grid, tally) = tenants[index % tenants.Count];
        await Task.Delay(delay, time, cancellationToken).ConfigureAwait(false);
        var source = recording.Play();
        await using var tape = new AudioTape(
            AudioSourceStream.WireFormat(source.Format), new AudioSourceStream(source),
            _ => Task.FromResult<Stream>(new AudioSourceStream(recording.Play())), cancellationToken);
        var mine = config.Clone();
        mine.StreamId = $"{_name}-{index}";
        var meter = new LoadMeter(tally, realtime, onAudio, time);
        var ended = false;
        try
        {
            await StreamFeeder.RunAsync(grid.Client, tape, mine, meter, realtime, time, cancellationToken).ConfigureAwait(false);
            ended = true;
        }
        catch (Exception broken)
            when (!cancellationToken.IsCancellationRequested && broken is RpcException or IOException or AudioFormatException)
        {
            lock (_lock)
            {
                var reason = Invocation.Explain(broken).Replace(mine.StreamId, "ID", StringComparison.Ordinal);
                _failures[reason] = _failures.GetValueOrDefault(reason) + 1;
            }
        }
        finally
        {
            Note ??= meter.Note;
            tally.OnEnd(meter.Began, failed: !ended && !cancellationToken.IsCancellationRequested);
            // The grid may have begun a stream that it has not answered yet.
            if (!ended && (meter.Began || cancellationToken.IsCancellationRequested))
            {
                await CloseAsync(grid, mine.StreamId).ConfigureAwait(false);
            }
        }
    }

    /// <summary>A stream that gets no more audio should not keep its place on the grid.</summary>
    private async Task CloseAsync(GridConnection grid, string streamId)
    {
        try
        {
            var deadline = time.GetUtcNow().UtcDateTime + Goodbye;
            await grid.Client.Tagging.CloseStreamAsync(
                new CloseStreamRequest { StreamId = streamId }, deadline: deadline).ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException)
        {
            // It ends with the grid's idle timeout.
        }
    }
}
