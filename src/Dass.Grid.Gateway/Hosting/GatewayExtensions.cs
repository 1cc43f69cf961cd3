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
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Dass.Grid.Gateway.Hosting;

public static class GatewayExtensions
{
    /// <summary>Of health and reflection, which take names only.</summary>
    private const int MaxKeylessMessageBytes = 16 << 10;

    /// <summary>How long a browser need not ask again whether a page of another origin may call.</summary>
    private static readonly TimeSpan PreflightAge = TimeSpan.FromMinutes(10);

    /// <summary>This process takes clients' calls. It needs an <see cref="IGrainFactory"/>.</summary>
    public static IServiceCollection AddDassGateway(this IServiceCollection services)
    {
        services.AddOptions<GatewayOptions>().ValidateOnStart();
        services.AddOptions<TenantsOptions>().ValidateOnStart();
        services.AddSingleton<IValidateOptions<GatewayOptions>, GatewayOptionsValidator>();
        services.AddSingleton<IValidateOptions<TenantsOptions>, TenantsOptionsValidator>();
        services.AddMetrics();
        services.AddSingleton<GatewayInstruments>();
        services.AddHostedService(provider => provider.GetRequiredService<GatewayInstruments>());
        services.AddSingleton<RegistryCache>();
        services.AddHostedService(provider => provider.GetRequiredService<RegistryCache>());
        services.AddSingleton<TenantKeys>();
        services.AddSingleton<SessionCookies>();
        services.AddSingleton<CallerAuthenticator>();
        services.AddSingleton<CallGuard>();
        services.AddSingleton<CallAdmission>();
        services.AddSingleton<ConnectionLimits>();
        services.AddSingleton<LiveCalls>();
        services.AddSingleton<ModelAliases>();
        services.AddSingleton<TenantQuotas>();
        services.AddHostedService(provider => provider.GetRequiredService<TenantQuotas>());
        services.AddSingleton<ModelCards>();
        services.AddSingleton<StreamObservers>();
        services.AddSingleton<StreamListings>();
        services.AddSingleton<GridAccess>();
        services.AddSingleton<StreamServices>();
        services.AddSingleton<ClipCall>();
        services.AddSingleton<SubscriptionServices>();
        services.AddSingleton<CallDrain>();
        services.AddHostedService(provider => provider.GetRequiredService<CallDrain>());

        services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer();
        services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme)
            .Configure<IOptions<TenantsOptions>>((bearer, tenants) => CallerAuthenticator.Configure(bearer, tenants.Value.Tokens));

        services.Configure<LoggerFilterOptions>(BrokenMessages.AreNoAlarm);
        services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = MaxKeylessMessageBytes)
            .AddJsonTranscoding(json => json.JsonSettings.WriteInt64sAsStrings = true) // as WebText writes them
            .AddServiceOptions<TaggingService>(grpc => grpc.Interceptors.Add<CallInterceptor>())
            .AddServiceOptions<AdminService>(grpc => grpc.Interceptors.Add<CallInterceptor>());
        services.AddOptions<GrpcServiceOptions<TaggingService>>().Configure<IOptions<GatewayOptions>>(
            (grpc, gateway) => grpc.MaxReceiveMessageSize = gateway.Value.MaxMessageBytes);
        services.AddOptions<GrpcServiceOptions<AdminService>>().Configure<IOptions<GatewayOptions>>(
            (grpc, gateway) => grpc.MaxReceiveMessageSize = gateway.Value.MaxMessageBytes);
        services.AddCors();
        services.AddOptions<CorsOptions>().Configure<IOptions<GatewayOptions>>((cors, gateway) => cors.AddDefaultPolicy(policy => policy
            .WithOrigins([.. gateway.Value.Origins])
            .AllowAnyMethod()
            .AllowAnyHeader()
            .AllowCredentials()
            .WithExposedHeaders(StatusMapping.RetryAfter)
            .SetPreflightMaxAge(PreflightAge)));
        services.AddGrpcReflection();
        services.AddGrpcHealthChecks(health => health.Services.Map(Tagging.Descriptor.FullName, _ => true));
        return services;
    }

    /// <summary>Lets calls in by their headers; the endpoints of <see cref="MapDassGateway"/> serve no others.</summary>
    public static IApplicationBuilder UseDassGateway(this IApplicationBuilder app)
    {
        var admission = app.ApplicationServices.GetRequiredService<CallAdmission>();
        app.UseCors();
        return app.Use(next => http => UnknownPaths.RunAsync(http, next)).Use(next => http => admission.RunAsync(http, next));
    }

    public static IEndpointRouteBuilder MapDassGateway(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGrpcService<TaggingService>().Needs(CredentialKind.Tenant);
        endpoints.MapGrpcService<AdminService>().Needs(CredentialKind.Admin);
        endpoints.MapWeb(HttpMethods.Get, "/v1/subscribe", EventStream.RunAsync, CredentialKind.Tenant, "Subscribe");
        endpoints.MapWeb(HttpMethods.Get, "/v1/events:export", EventFile.RunAsync, CredentialKind.Tenant, "ExportEvents");
        endpoints.Map("/v1/streams/{streamId}/audio", AudioSocket.RunAsync)
            .WithMetadata(new EndpointCredential(CredentialKind.Tenant, "Stream"));
        endpoints.MapWeb(HttpMethods.Get, "/v1/session", SessionEndpoint.GetAsync, CredentialKind.Keyless, "GetSession");
        endpoints.MapWeb(HttpMethods.Post, "/v1/session", SessionEndpoint.PostAsync, CredentialKind.Keyless, "CreateSession");
        endpoints.MapWeb(HttpMethods.Delete, "/v1/session", SessionEndpoint.DeleteAsync, CredentialKind.Keyless, "DeleteSession");
        endpoints.MapGrpcHealthChecksService().Needs(CredentialKind.Keyless);
        var options = endpoints.ServiceProvider.GetRequiredService<IOptions<GatewayOptions>>().Value;
        if (options.Console)
        {
            endpoints.MapWeb(HttpMethods.Get, "/", ConsoleFiles.AnswerAsync, CredentialKind.Keyless, "Console");
            endpoints.MapWeb(HttpMethods.Get, "/console/{file}", ConsoleFiles.AnswerAsync, CredentialKind.Keyless, "Console");
        }
        if (options.Reflection)
        {
            endpoints.MapGrpcReflectionService().Needs(CredentialKind.Keyless);
            endpoints.MapWeb(HttpMethods.Get, "/openapi/v1.json", OpenApi.AnswerAsync, CredentialKind.Keyless, "OpenApi");
        }
        return endpoints;
    }

    /// <summary>Bounds the connections of clients; before TLS, and not for the operations' port.</summary>
    public static void LimitDassConnections(this ListenOptions listen)
    {
        var limits = listen.ApplicationServices.GetRequiredService<ConnectionLimits>();
        listen.Use(next => connection => limits.RunAsync(connection, next));
    }

    private static void MapWeb(
        this IEndpointRouteBuilder endpoints, string verb, string path, RequestDelegate serve, CredentialKind credential, string method) =>
        endpoints.MapMethods(path, [verb], serve).WithMetadata(new EndpointCredential(credential, method));

    private static void Needs(this IEndpointConventionBuilder service, CredentialKind credential)
    {
        service.Add(BrokenMessages.AreInvalid);
        service.Add(BodyLimit.Holds);
        service.Add(QueryFields.AreChecked);
        service.Add(TagFile.IsTaken);
        service.WithMetadata(new EndpointCredential(credential));
    }
}
