using System.Text.RegularExpressions;
using Dass.Grid.Cluster.Tests.Support;

namespace Dass.Grid.Cluster.Tests.Operations;

/// <summary>The table of instruments in deploy/TELEMETRY.md against what a grid emits.</summary>
public sealed partial class TelemetryTests : IAsyncLifetime
{
    /// <summary>Attributes that every exporter adds, or that belong to the format.</summary>
    private static readonly string[] Others = ["otel_scope_name", "otel_scope_version", "le", "quantile"];

    private TestGrid _grid = null!;

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async Task DisposeAsync() => await _grid.DisposeAsync();

    [Fact]
    public async Task The_table_lists_what_a_grid_emits()
    {
        using (var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("listed")))
        {
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.FinishAsync();
        }
        var documented = Documented();
        using var operations = new HttpClient { BaseAddress = _grid.Host.OperationsAddress };
        var emitted = Emitted(await operations.GetStringAsync("/metrics"));

        Assert.Equal([], emitted.Keys.Where(name => !documented.ContainsKey(name)).Order());
        var rare = documented.Keys.Where(name => !emitted.ContainsKey(name)).Order();
        Assert.Equal(["dass_engine_device_memory_free", "dass_gateway_recovery_duration"], rare); // no GPU; nothing was interrupted
        Assert.All(emitted, metric => Assert.Equal([], metric.Value.Except(documented[metric.Key])));
    }

    [Fact]
    public async Task What_has_not_happened_is_zero()
    {
        foreach (var name in (string[])
        [
            "dass_engine_step_failures_total", "dass_gateway_refusals_total", "dass_gateway_chunks_dropped_total",
            "dass_streams_continued_total", "dass_audio_gap_seconds_total", "dass_events_owed",
        ])
        {
            Assert.Equal(0, await _grid.MetricAsync(name));
        }
        using var operations = new HttpClient { BaseAddress = _grid.Host.OperationsAddress };
        var metrics = await operations.GetStringAsync("/metrics");
        Assert.Contains("dass_checkpoints_total{", metrics, StringComparison.Ordinal);
        Assert.Matches("dass_checkpoints_total\\{[^}]*dass_result=\"failed\"[^}]*\\} 0\\b", metrics);
    }

    [Fact]
    public async Task Tags_are_measured_from_the_audio_they_need()
    {
        using var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("delayed"));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();
        var (measured, chunks) = (await _grid.MetricAsync("dass_tags_delay_seconds_count"), await _grid.MetricAsync("dass_chunks_total"));
        Assert.InRange(measured, chunks - 2, chunks - 1); // the tail of a stream that is finished waits for no audio
    }

    [Fact]
    public async Task Audio_is_counted_by_its_level_once()
    {
        const int Rate = Babble.SampleRateHz;
        var config = Babble.Config("levels");
        using (var feed = await Feed.BeginAsync(_grid.Client, config))
        {
            await feed.SendBabbleAsync(0, 4 * Rate);
            await feed.SendAsync(new byte[2 * 6 * Rate]);
            await feed.AppliedAsync(10 * Rate);
        }
        config.FromChunk = 0; // its tags are written again
        using (var again = await Feed.BeginAsync(_grid.Client, config))
        {
            await again.FinishAsync();
            Assert.Equal(0, again.Tags[0].Chunk);
        }
        Assert.InRange(await OfAsync("silent"), 5, 6);
        Assert.InRange(await OfAsync("normal"), 3, 5);
        Assert.Equal(10, await _grid.MetricAsync("dass_source_audio_seconds_total"), 0.01);
        Assert.Equal(0, await OfAsync("clipped"));

        async Task<double> OfAsync(string level)
        {
            using var operations = new HttpClient { BaseAddress = _grid.Host.OperationsAddress };
            var sample = $"^dass_source_audio_seconds_total{{[^}}]*dass_level=\"{level}\"[^}}]*}} (\\S+)";
            var line = Regex.Match(await operations.GetStringAsync("/metrics"), sample, RegexOptions.Multiline);
            Assert.True(line.Success, level);
            return double.Parse(line.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    [Fact]
    public async Task Another_grid_of_the_process_has_its_own_metrics()
    {
        using (var feed = await Feed.BeginAsync(_grid.Client, Babble.Config("here")))
        {
            await feed.SendBabbleAsync(0, Babble.Samples);
            await feed.FinishAsync();
        }
        await using var other = await TestGrid.StartAsync();
        Assert.True(await _grid.MetricAsync("dass_chunks_total") > 0);
        Assert.Equal(0, await other.MetricAsync("dass_chunks_total"));
        Assert.Equal(0, await other.MetricAsync("dass_gateway_audio_bytes_total"));
        const string Steps = "dass_engine_steps_total"; // not there before the first
        Assert.True(await _grid.MetricAsync(Steps) > 0);
        using var operations = new HttpClient { BaseAddress = other.Host.OperationsAddress };
        Assert.DoesNotContain($"\n{Steps}", await operations.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    /// <summary>Instruments of the table, as Prometheus writes their names without unit, with their attributes.</summary>
    private static Dictionary<string, string[]> Documented()
    {
        var rows = File.ReadLines(Path.Combine(Sources.Repository, "deploy", "TELEMETRY.md"))
            .Where(line => line.StartsWith("| `dass.", StringComparison.Ordinal)).Select(line => line.Split('|'));
        return rows.SelectMany(row => Quoted().Matches(row[1]).Select(name => (
                Name: Underscored(name.Groups[1].Value),
                Attributes: Quoted().Matches(Parenthesis().Replace(row[3], ""))
                    .Select(word => Underscored(word.Groups[1].Value)).ToArray())))
            .ToDictionary(row => row.Name, row => row.Attributes);
    }

    /// <summary>The grid's own metrics, without unit and kind, with the attributes that were seen.</summary>
    private static Dictionary<string, HashSet<string>> Emitted(string metrics)
    {
        var emitted = new Dictionary<string, HashSet<string>>();
        foreach (Match sample in Sample().Matches(metrics))
        {
            var name = Suffix().Replace(Suffix().Replace(sample.Groups[1].Value, ""), "");
            var seen = emitted.TryGetValue(name, out var known) ? known : emitted[name] = [];
            seen.UnionWith(Attribute().Matches(sample.Groups[2].Value).Select(label => label.Groups[1].Value).Except(Others));
        }
        return emitted;
    }

    private static string Underscored(string name) => name.Replace('.', '_');

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\([^)]*\)")]
    private static partial Regex Parenthesis();

    [GeneratedRegex(@"^(dass_\w+)\{?([^}\n]*)\}? ", RegexOptions.Multiline)]
    private static partial Regex Sample();

    [GeneratedRegex(@"(\w+)=""")]
    private static partial Regex Attribute();

    [GeneratedRegex("_(bucket|sum|count|total|seconds|bytes)$")]
    private static partial Regex Suffix();
}
