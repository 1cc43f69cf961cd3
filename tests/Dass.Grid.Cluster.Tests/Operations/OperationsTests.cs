using System.Net;
using Dass.Grid.Cluster.Tests.Support;
using Grpc.Health.V1;
using Grpc.Reflection.V1Alpha;

namespace Dass.Grid.Cluster.Tests.Operations;

[Collection(SharedGridCollection.Name)]
public sealed class OperationsTests(SharedGrid shared)
{
    private readonly HttpClient _http = new() { BaseAddress = shared.Grid.Host.OperationsAddress };

    [Theory]
    [InlineData("/healthz/live")]
    [InlineData("/healthz/ready")]
    public async Task Health_answers_over_http(string path)
    {
        var answer = await _http.GetAsync(path);
        Assert.Equal((HttpStatusCode.OK, "Healthy"), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("dass.grid.v1.Tagging")]
    public async Task Health_answers_over_grpc(string service)
    {
        var answer = await new Health.HealthClient(shared.Grid.Channel).CheckAsync(new HealthCheckRequest { Service = service });
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, answer.Status);
    }

    [Fact]
    public async Task Reflection_names_the_service()
    {
        using var call = new ServerReflection.ServerReflectionClient(shared.Grid.Channel).ServerReflectionInfo(deadline: TestGrid.Deadline);
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        await call.RequestStream.CompleteAsync();
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        Assert.Contains("dass.grid.v1.Tagging", call.ResponseStream.Current.ListServicesResponse.Service.Select(service => service.Name));
    }

    [Fact]
    public async Task Metrics_tell_of_streams_without_naming_them()
    {
        using var feed = await Feed.BeginAsync(shared.Client, Babble.Config("measured-stream"));
        await feed.SendBabbleAsync(0, Babble.Samples);
        await feed.FinishAsync();

        var metrics = await _http.GetStringAsync("/metrics");
        foreach (var name in new[]
        {
            "dass_streams_live", "dass_streams_ended_total", "dass_audio_seconds_total", "dass_chunks_total",
            "dass_push_duration_seconds_count",
            "dass_engine_slots_used", "dass_engine_slots_capacity", "dass_gateway_calls_total", "dass_gateway_audio_bytes_total",
            "dass_events_total",
        })
        {
            Assert.Contains($"\n{name}", metrics, StringComparison.Ordinal);
        }
        Assert.DoesNotContain("measured-stream", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_for_operators_is_not_served_to_clients()
    {
        using var client = new HttpClient { BaseAddress = shared.Grid.Host.Address };
        foreach (var path in new[] { "/metrics", "/healthz/live" })
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get, path) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            Assert.Equal(HttpStatusCode.NotFound, (await client.SendAsync(request)).StatusCode);
        }
    }
}
