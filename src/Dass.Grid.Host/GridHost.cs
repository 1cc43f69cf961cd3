using Dass.Grid.Gateway;
using Dass.Grid.Gateway.Hosting;
using Dass.Grid.Gateway.Tenants;
using Dass.Grid.Grains.Hosting;

namespace Dass.Grid.Host;

/// <summary>Composes the grid's process: roles all, silo or gateway.</summary>
public static class GridHost
{
    /// <summary>Files that a process of the grid opens before its first connection (about 370, most of them its own), and a few.</summary>
    public const int LeastOpenFiles = 400;

    /// <summary>
    /// A host that is configured by appsettings.json, the environment and <paramref name="args"/> (e.g. <c>--Grid:Role=gateway</c>), not
    /// yet started.
    /// </summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">Every rule that the configuration breaks.</exception>
    public static WebApplication Build(string[] args)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        return Compose(builder);
    }

    internal static WebApplication Compose(WebApplicationBuilder builder)
    {
        var configuration = builder.Configuration;
        var grid = configuration.GetSection("Grid").Get<GridOptions>() ?? new GridOptions();
        var tenants = new TenantsOptions();
        Bind(configuration, grid, tenants);
        GridRules.Check(grid, tenants, configuration);
        grid.HttpListen ??= Endpoints.DefaultHttp(grid);

        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = grid.ShutdownTimeout);
        builder.Services.AddDassLimits(configuration.GetSection("Grid"));
        builder.Services.Configure<GatewayOptions>(configuration.GetSection("Grid:Gateway"));
        builder.Services.Configure<TenantsOptions>(options => Bind(configuration, grid, options));

        builder.Services.EscapeLogs();
        builder.UseGridCluster(grid);
        builder.UseGridEndpoints(grid);
        builder.AddGridTelemetry(grid);
        var readiness = builder.Services.AddHealthChecks().AddCheck<GridReadiness>("grid");
        if (grid.Role != GridRole.Gateway)
        {
            readiness.AddCheck<StoreReadiness>("store").AddCheck<DeviceReadiness>(Endpoints.DeviceCheck);
        }
        if (grid.Role != GridRole.Silo)
        {
            builder.Services.AddDassGateway();
            if (grid.Notify.Rules is not null)
            {
                builder.Services.AddSingleton(grid.Notify).AddHostedService<NotifyWorker>();
            }
        }

        var app = builder.Build();
        app.Services.GetRequiredService<HostInstruments>(); // measures from now on
        app.MapGridOperations();
        if (grid.Role != GridRole.Silo)
        {
            app.UseWebSockets();
            app.UseDassGateway();
            app.MapDassGateway();
        }
        return app;
    }

    private static void Bind(IConfiguration configuration, GridOptions grid, TenantsOptions options)
    {
        configuration.GetSection("Tokens").Bind(options.Tokens);
        options.ClientCertificates = grid.ClientAuthority is not null;
        configuration.GetSection("Tenants").Bind(options.Tenants);
        configuration.GetSection("DefaultLimits").Bind(options.DefaultLimits);
        configuration.GetSection("Admin:KeyHashes").Bind(options.AdminKeyHashes);
    }
}
