using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.V1;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Tenants;

/// <summary>A tenant without limits opens streams and sends hardly any audio: other tenants find slots.</summary>
public sealed class SilentStreamTests : IAsyncLifetime
{
    private const int Slots = 10;
    private const int OfOneTenant = 9;
    private const int Rounds = 8; // 105 s
    private static readonly Metadata Silent = new() { { "x-api-key", "silent-0123456789abcdef" } };
    private static readonly Metadata Other = new() { { "x-api-key", "other-0123456789abcdef" } };

    private readonly FakeTimeProvider _time = new(TimeProvider.System.GetUtcNow());
    private TestGrid _grid = null!;

    public async Task InitializeAsync() => _grid = await TestGrid.StartAsync(_time, new()
    {
        ["Grid:Models:tiny:MaxStreams"] = $"{Slots}",
        ["Tenants:silent:KeyHashes:0"] = KeyHash.Create("silent-0123456789abcdef").ToString(),
        ["Tenants:other:KeyHashes:0"] = KeyHash.Create("other-0123456789abcdef").ToString(),
    });

    public Task DisposeAsync() => _grid.StopAsync(_time);

    [Fact]
    public async Task One_tenant_cannot_take_the_last_slots_and_a_few_bytes_keep_none()
    {
        var feeds = new List<Feed>();
        for (var i = 0; i < OfOneTenant; i++)
        {
            feeds.Add(await Feed.BeginAsync(_grid.Client, Babble.Config($"quiet-{i}"), Silent));
        }
        using (var refused = new Feed(_grid.Client, Silent))
        {
            await refused.SendAsync(new StreamRequest { Config = Babble.Config("one-more") });
            await TestGrid.RefusesAsync(StatusCode.ResourceExhausted, "kept for other tenants", refused.ReadToEndAsync);
        }
        using var heard = await Feed.BeginAsync(_grid.Client, Babble.Config("heard"), Other);

        // Two bytes every 15 s, for two minutes, of each: not life. The other stream gets its audio.
        for (var round = 1; round <= Rounds; round++)
        {
            foreach (var feed in feeds)
            {
                await feed.SendAsync(Babble.Slice(round - 1, 1));
                await feed.AppliedAsync(round);
            }
            await heard.SendBabbleAsync((round - 1) * Babble.SampleRateHz, round * Babble.SampleRateHz);
            await heard.AppliedAsync(round * Babble.SampleRateHz);
            _time.Advance(TimeSpan.FromSeconds(round < Rounds ? 15 : 0));
        }
        await TestGrid.UntilAsync(async () => await UsedAsync() == 1, () =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return Task.Delay(50);
        });
        await heard.SendBabbleAsync(Rounds * Babble.SampleRateHz, Babble.Samples);
        await BareSession.AssertEqualAsync(heard.Tags, await heard.FinishAsync());
        feeds.ForEach(feed => feed.Dispose());
    }

    private async Task<int> UsedAsync()
    {
        using var operations = new HttpClient { BaseAddress = _grid.Host.OperationsAddress };
        var metrics = await operations.GetStringAsync("/metrics");
        return metrics.Split('\n').Where(line => line.StartsWith("dass_engine_slots_used", StringComparison.Ordinal))
            .Sum(line => int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));
    }
}
