using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Models;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.Gateway.Services;
using Dass.Grid.Gateway.Streams;
using Dass.Grid.Gateway.Subscriptions;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Gateway.Web;
using Dass.Grid.V1;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Hosting;

public static class GatewayExtensions
{
    /// <summary>This process takes clients' calls. It needs an <see cref="IGrainFactory"/>.</summary>
    public static IServiceCollection AddDassGateway(this IServiceCollection services)
    {
        services.AddOptions<GatewayOptions>().ValidateOnStart();
        services.AddOptions<TenantsOptions>().ValidateOnStart();
        services.AddSingleton<IValidateOptions<GatewayOptions>, GatewayOptionsValidator>();
        services.AddSingleton<IValidateOptions<TenantsOptions>, TenantsOptionsValidator>();
        services.AddMetrics();
        services.AddSingleton<GatewayInstruments>();
        services.AddSingleton<RegistryCache>();
        services.AddHostedService(provider => provider.GetRequiredService<RegistryCache>());
        services.AddSingleton<TenantKeys>();
        services.AddSingleton<CallerAuthenticator>();
        services.AddSingleton<CallGuard>();
        services.AddSingleton<LiveCalls>();
        services.AddSingleton<ModelAliases>();
        services.AddSingleton<TenantQuotas>();
        services.AddHostedService(provider => provider.GetRequiredService<TenantQuotas>());
        services.AddSingleton<ModelCards>();
        services.AddSingleton<StreamObservers>();
        services.AddSingleton<StreamListings>();
        services.AddSingleton<GridAccess>();
        services.AddSingleton<StreamServices>();
        services.AddSingleton<SubscriptionServices>();
        services.AddSingleton<CallDrain>();
        services.AddHostedService(provider => provider.GetRequiredService<CallDrain>());

        services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer();
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme)
            .Configure<IOptions<TenantsOptions>>((bearer, tenants) => CallerAuthenticator.Configure(bearer, tenants.Value.Tokens));

        services.AddGrpc().AddJsonTranscoding()
            .AddServiceOptions<TaggingService>(grpc => grpc.Interceptors.Add<CallInterceptor>())
            .AddServiceOptions<AdminService>(grpc => grpc.Interceptors.Add<CallInterceptor>());
        services.AddOptions<GrpcServiceOptions<TaggingService>>().Configure<IOptions<GatewayOptions>>(
            (grpc, gateway) => grpc.MaxReceiveMessageSize = gateway.Value.MaxMessageBytes);
        services.AddGrpcReflection();
        services.AddGrpcHealthChecks(health => health.Services.Map(Tagging.Descriptor.FullName, _ => true));
        return services;
    }

    public static IEndpointRouteBuilder MapDassGateway(this IEndpointRouteBuilder endpoints)
    {
        foreach (var service in new[] { endpoints.MapGrpcService<TaggingService>(), endpoints.MapGrpcService<AdminService>() })
        {
            service.Add(BrokenMessages.AreInvalid);
            service.Add(BodyLimit.Holds);
        }
        endpoints.MapGet("/v1/subscribe", EventStream.RunAsync);
        endpoints.MapGet("/v1/events:export", EventFile.RunAsync);
        endpoints.Map("/v1/streams/{streamId}/audio", AudioSocket.RunAsync);
        endpoints.MapGrpcReflectionService();
        endpoints.MapGrpcHealthChecksService();
        return endpoints;
    }
}
