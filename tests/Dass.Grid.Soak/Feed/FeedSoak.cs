using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Dass.Grid.Client;
using Dass.Grid.V1;

namespace Dass.Grid.Soak.Feed;

/// <summary>
/// <c>dass feed</c> as a process of its own with sources that misbehave: is none deaf for longer than its back-off, are all times of day
/// true within 2 s, is memory flat?
/// </summary>
internal sealed class FeedSoak(HostProcess host, int sources, TimeSpan length, string directory)
{
    private static readonly TimeSpan Truth = TimeSpan.FromSeconds(2);

    /// <summary>The longest pause of the feeder with its variation, and what a busy machine takes to start ffmpeg.</summary>
    private static readonly TimeSpan MaxDeaf = TimeSpan.FromSeconds(30 * 1.25 + 15);

    private readonly Dictionary<string, WildSource> _sources = Speakers(sources).ToDictionary(source => source.Id);
    private readonly Dictionary<string, DateTimeOffset> _begun = [];
    private readonly List<(string Source, DateTimeOffset Onset, DateTimeOffset End)> _events = [];
    private readonly List<double> _resident = [];
    private readonly List<string> _wrong = [];
    private int _chunks;

    /// <returns>Whether all is as it should be.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var radio = builder.Build();
        radio.Urls.Add("http://127.0.0.1:0");
        radio.MapGet("/{id}", (string id, HttpContext http) => _sources[id].PlayAsync(http));
        await radio.StartAsync(cancellationToken);
        var file = Path.Combine(directory, "sources.json");
        await File.WriteAllTextAsync(
            file,
            JsonSerializer.Serialize(new { sources = _sources.Keys.Select(id => new { id, url = $"{radio.Urls.First()}/{id}" }) }),
            cancellationToken);

        using var feeder = Start(file);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watching = WatchAsync(stop.Token);
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < length && !feeder.HasExited;)
        {
            await Task.Delay(TimeSpan.FromSeconds(10), cancellationToken);
            feeder.Refresh();
            _resident.Add(feeder.WorkingSet64);
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{Stopwatch.GetElapsedTime(began).TotalMinutes:0.0} min  {_resident[^1] / 1e6:0} MB  {_chunks} chunks  "
                + $"{_events.Count} events"));
        }
        var died = feeder.HasExited;
        await stop.CancelAsync();
        await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!died)
        {
            feeder.Kill(entireProcessTree: true);
        }
        return Report(died);
    }

    private static IEnumerable<WildSource> Speakers(int count)
    {
        var wav = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "babble.wav"))[44..];
        var speech = new short[wav.Length / sizeof(short)];
        Buffer.BlockCopy(wav, 0, speech, 0, speech.Length * sizeof(short));
        return Enumerable.Range(0, count).Select(number => new WildSource(number, speech));
    }

    private Process Start(string file)
    {
        var log = Path.Combine(directory, "feed.log");
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                Path.Combine(AppContext.BaseDirectory, "dass.dll"), "feed", file, "--grid",
                host.Address.GetLeftPart(UriPartial.Authority), "--format", "json",
            },
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        var feeder = Process.Start(start)!;
        var writer = TextWriter.Synchronized(new StreamWriter(log) { AutoFlush = true });
        feeder.OutputDataReceived += (_, line) => writer.WriteLine(line.Data);
        feeder.ErrorDataReceived += (_, line) => writer.WriteLine(line.Data);
        feeder.BeginOutputReadLine();
        feeder.BeginErrorReadLine();
        return feeder;
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        using var grid = new GridClient(host.Address);
        var request = new SubscribeRequest { AllStreams = true, Filter = new TagFilter { Labels = { "Speech" } } };
        var subscription = new StreamSubscription(
            grid, request, new ReconnectOptions { GiveUpAfter = Timeout.InfiniteTimeSpan });
        await foreach (var answer in subscription.RunAsync(cancellationToken))
        {
            if (answer.Subscribed is { } subscribed)
            {
                _begun[answer.StreamId] = subscribed.CaptureTime.ToDateTimeOffset();
            }
            if (answer.Tags is not { } tags || !_begun.TryGetValue(answer.StreamId, out var begun))
            {
                continue;
            }
            _chunks++;
            var ahead = begun.AddSeconds(tags.EndSeconds) - DateTimeOffset.UtcNow;
            if (ahead > Truth)
            {
                _wrong.Add(FormattableString.Invariant($"{answer.StreamId} chunk {tags.Chunk} is {ahead.TotalSeconds:0.0} s too early"));
            }
            _events.AddRange(tags.Events.Where(sound => sound.Kind == EventKind.Closed).Select(
                sound => (answer.StreamId, begun.AddSeconds(sound.OnsetSeconds), begun.AddSeconds(sound.OffsetSeconds))));
        }
    }

    /// <summary>
    /// Of each speech that could be heard as a whole: how far its first event lies behind its beginning, and how far its events are off in
    /// time, s: at the end that lies nearer to the speech's. The model may miss a beginning or an end; a clock that is wrong moves both.
    /// </summary>
    private List<(double Begin, double Time)> Off()
    {
        var off = new List<(double, double)>();
        foreach (var speech in _events.GroupBy(sound => (sound.Source, Begin: _sources[sound.Source].SpeechNear(sound.Onset))))
        {
            if (speech.Key.Begin is { } truth)
            {
                var (onset, end) = (speech.Min(sound => sound.Onset), speech.Max(sound => sound.End));
                var begin = (onset - truth).TotalSeconds;
                var time = Math.Min(Math.Abs(begin), Math.Abs((end - truth).TotalSeconds - WildSource.SpeechSeconds));
                off.Add((begin, time));
                if (time > Truth.TotalSeconds)
                {
                    _wrong.Add(FormattableString.Invariant(
                        $"{speech.Key.Source} event at {onset:HH:mm:ss.f} instead of {truth:HH:mm:ss.f}"));
                }
            }
        }
        return off;
    }

    private bool Report(bool died)
    {
        var all = _sources.Values;
        var deaf = all.MaxBy(source => source.LongestDeaf)!;
        var growth = Memory.Growth(_resident) ?? 0;
        var off = Off();
        var begins = off.Select(speech => speech.Begin).Order().ToArray();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"sources               {sources}, for {length.TotalMinutes:0} min"));
        Console.WriteLine($"they died, hung       {all.Sum(source => source.Deaths)}, {all.Sum(source => source.Hangs)} times");
        Console.WriteLine($"connections           {all.Sum(source => source.Connections)}");
        Console.WriteLine($"chunks                {_chunks}");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"longest deaf          {deaf.LongestDeaf.TotalSeconds:0.0} s, {deaf.Id} until "
            + $"{deaf.LongestDeafAt:HH:mm:ss}; at most {MaxDeaf.TotalSeconds:0.0}"));
        if (off.Count > 0)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"speeches              {off.Count}, heard from {begins[0]:0.00} to {begins[^1]:0.00} s, "
                + $"median {begins[off.Count / 2]:0.00}"));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"times off by          {off.Max(speech => speech.Time):0.00} s; at most {Truth.TotalSeconds:0}"));
        }
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"memory of dass feed   {_resident[0] / 1e6:0} to {_resident.Max() / 1e6:0} MB, last third "
            + $"against the one before {growth:0.0%}"));
        Console.WriteLine($"wrong times           {_wrong.Count}");
        _wrong.TakeLast(20).ToList().ForEach(wrong => Console.WriteLine($"wrong                 {wrong}"));
        return !died && off.Count > 0 && _wrong.Count == 0 && deaf.LongestDeaf < MaxDeaf && growth < 0.05;
    }
}
