using System.CommandLine;
using System.Globalization;
using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Cli.Grid;
using Dass.Grid.Cli.Output;
using Dass.Grid.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Spectre.Console;

namespace Dass.Grid.Cli.Commands;

/// <summary><c>dass admin …</c>: tenants, models and aliases of a running grid.</summary>
internal static class AdminCommand
{
    private const string Description =
        "Changes which tenants may use a running grid, and which models it serves. Needs an admin key (Admin:KeyHashes).";

    public static Command Create() => new("admin", Description)
    {
        Tenants(), CreateTenant(), UpdateTenant(), RotateKey(), Usage(), RegisterModel(), Aliases(), SetAlias(), DeleteAlias(), Silos(),
        Drain(),
    };

    private static Command Tenants() => Make("tenants", "Lists the tenants.", [], async (call, _) =>
    {
        var tenants = new List<Tenant>();
        var request = new ListTenantsRequest();
        do
        {
            var page = await call.Client.ListTenantsAsync(request, cancellationToken: call.Cancellation);
            tenants.AddRange(page.Tenants);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        call.Write(tenants, ["tenant", "state", "limits", "models", "keys"], tenant =>
        [
            tenant.Name,
            tenant.Disabled ? "disabled" : tenant.Configured ? "configured" : "registered",
            Text(tenant.Limits),
            tenant.Models.Count == 0 ? "all" : string.Join(' ', tenant.Models),
            string.Join(' ', tenant.Keys.Select(key => key.Until is { } until ? $"{key.Id} until {until.ToDateTimeOffset():u}" : key.Id)),
        ]);
    });

    private static Command CreateTenant()
    {
        var (name, models, limits, events) = (Name("NAME", "The tenant's name."), Models(), new LimitOptions(), new EventRuleOptions());
        const string what = "Makes a tenant and prints its key, this once.";
        return Make("create-tenant", what, [name, models, .. limits.All, .. events.All], async (call, parsed) =>
        {
            var request = new CreateTenantRequest
            {
                Name = parsed.GetValue(name),
                Limits = limits.From(parsed),
                Models = { parsed.GetValue(models) ?? [] },
                Events = events.From(parsed),
            };
            call.WriteKey(await call.Client.CreateTenantAsync(request, cancellationToken: call.Cancellation));
        });
    }

    private static Command UpdateTenant()
    {
        var (name, models, limits, events) = (Name("NAME", "The tenant's name."), Models(), new LimitOptions(), new EventRuleOptions());
        var disabled = new Option<bool?>("--disabled") { HelpName = "true|false", Description = "Whether its calls are refused." };
        var all = new Option<bool>("--all-models") { Description = "It may use all models." };
        const string what = "Changes a tenant. Any limit that is given replaces all of them, and so with the rule of its events.";
        return Make("update-tenant", what, [name, disabled, models, all, .. limits.All, .. events.All], async (call, parsed) =>
        {
            var request = new UpdateTenantRequest
            {
                Name = parsed.GetValue(name),
                Limits = limits.From(parsed),
                Models = { parsed.GetValue(models) ?? [] },
                AllModels = parsed.GetValue(all),
                Events = events.From(parsed),
            };
            if (parsed.GetValue(disabled) is { } state)
            {
                request.Disabled = state;
            }
            var tenant = await call.Client.UpdateTenantAsync(request, cancellationToken: call.Cancellation);
            call.Write(
                [tenant], ["tenant", "state", "limits"], each => [each.Name, each.Disabled ? "disabled" : "enabled", Text(each.Limits)]);
        });
    }

    private static Command RotateKey()
    {
        var name = Name("NAME", "The tenant's name.");
        var keep = Options.Span("--keep-old", "How long the old keys still work, up to 720h.", TimeSpan.Zero);
        return Make("rotate-key", "Makes a new key for a tenant and prints it, this once.", [name, keep], async (call, parsed) =>
        {
            var request = new RotateKeyRequest { Name = parsed.GetValue(name), KeepOld = parsed.GetValue(keep).ToDuration() };
            call.WriteKey(await call.Client.RotateKeyAsync(request, cancellationToken: call.Cancellation));
        });
    }

    private static Command Usage()
    {
        var name = Name("NAME", "The tenant's name.");
        return Make("usage", "What a tenant has used since its first stream.", [name], async (call, parsed) =>
        {
            var usage = await call.Client.GetTenantUsageAsync(
                new GetTenantUsageRequest { Name = parsed.GetValue(name) }, cancellationToken: call.Cancellation);
            call.Write(usage.Models, ["model", "audio seconds", "streams", "events"], model =>
            [
                model.Model, model.AudioSeconds.ToString("0.00", CultureInfo.InvariantCulture), $"{model.Streams}", $"{model.Events}",
            ]);
        });
    }

    private static Command RegisterModel()
    {
        var name = Name("NAME", "Its name in requests.");
        var directory = Name("DIR", "Model directory in Hugging Face layout, at the same path on every silo.");
        var streams = Options.Whole("--max-streams", "Slots of each silo,", 1, 100_000, absent: 256);
        return Make("register-model", "Serves one more model, on every silo.", [name, directory, streams], async (call, parsed) =>
        {
            var request = new RegisterModelRequest
            {
                Name = parsed.GetValue(name),
                Directory = Path.GetFullPath(parsed.GetValue(directory)!),
                MaxStreams = parsed.GetValue(streams)!.Value,
            };
            var model = await call.Client.RegisterModelAsync(request, cancellationToken: call.Cancellation);
            call.Write(
                [model], ["model", "labels", "offered", "hash"],
                each => [each.Name, $"{each.LabelCount}", GridListings.Offered(each), each.Hash]);
        });
    }

    private static Command Aliases() => Make("aliases", "Lists the aliases of models.", [], async (call, _) =>
        WriteAliases(call, (await call.Client.ListAliasesAsync(new ListAliasesRequest(), cancellationToken: call.Cancellation)).Aliases));

    private static Command SetAlias()
    {
        var name = Name("ALIAS", "The name in requests; default is the one of requests that name no model.");
        var (model, tenant) = (Name("MODEL", "What it stands for."), AliasTenant());
        const string what = "Points a name at a model: new streams get it at once, live ones when they ask to.";
        return Make("set-alias", what, [name, model, tenant], async (call, parsed) =>
        {
            var alias = new Alias { Name = parsed.GetValue(name), Model = parsed.GetValue(model), Tenant = parsed.GetValue(tenant) ?? "" };
            WriteAliases(call, [await call.Client.SetAliasAsync(alias, cancellationToken: call.Cancellation)]);
        });
    }

    private static Command DeleteAlias()
    {
        var (name, tenant) = (Name("ALIAS", "The name."), AliasTenant());
        return Make("delete-alias", "Takes a name away from a model.", [name, tenant], async (call, parsed) =>
            await call.Client.DeleteAliasAsync(
                new DeleteAliasRequest { Name = parsed.GetValue(name), Tenant = parsed.GetValue(tenant) ?? "" },
                cancellationToken: call.Cancellation));
    }

    private static Command Silos() => Make("silos", "Lists the silos and gateways of the grid.", [], async (call, _) =>
        WriteSilos(call, (await call.Client.ListSilosAsync(new ListSilosRequest(), cancellationToken: call.Cancellation)).Silos));

    private static Command Drain()
    {
        var name = Name("SILO", "Its name, as 'silos' lists it.");
        var callOff = new Option<bool>("--call-off") { Description = "Ends a drain: the silo takes streams again." };
        return Make("drain", "Sends a silo's streams to the others, before it is stopped.", [name, callOff], async (call, parsed) =>
        {
            var request = new DrainSiloRequest { Silo = parsed.GetValue(name), CallOff = parsed.GetValue(callOff) };
            WriteSilos(call, [await call.Client.DrainSiloAsync(request, cancellationToken: call.Cancellation)]);
        });
    }

    private static void WriteSilos(AdminCall call, IReadOnlyCollection<V1.Silo> silos) => call.Write(
        silos, ["silo", "state", "streams", "slots", "in real time", "busy", "waiting", "models", "devices"], silo =>
        [
            silo.Name, silo.State.ToString().ToLowerInvariant(), $"{silo.Streams}", $"{silo.Slots}",
            silo.RealtimeStreams.ToString("0", CultureInfo.InvariantCulture), silo.Busy.ToString("0%", CultureInfo.InvariantCulture),
            $"{silo.QueuedSteps}", string.Join(' ', silo.Models), string.Join(", ", silo.Devices),
        ]);

    private static void WriteAliases(AdminCall call, IReadOnlyCollection<Alias> aliases) =>
        call.Write(
            aliases, ["alias", "model", "tenant"],
            alias => [alias.Name, alias.Model, alias.Tenant.Length == 0 ? "all" : alias.Tenant]);

    private static Argument<string> Name(string name, string description) => new(name) { Description = description };

    private static Option<string?> AliasTenant() =>
        new("--tenant") { HelpName = "NAME", Description = "Tenant that it is for (default: all that have none of their own)." };

    private static Option<string[]?> Models() =>
        new("--model") { HelpName = "NAME", Description = "A model that it may use; may be given several times (default: all)." };

    private static string Text(Limits limits) =>
        limits.CalculateSize() == 0 ? "none" : Listing.Json.Format(limits).Trim('{', '}', ' ').Replace("\"", "", StringComparison.Ordinal);

    private static Command Make(string name, string description, Symbol[] symbols, Func<AdminCall, ParseResult, Task> run)
    {
        var (grid, keyFile) = (Options.Grid($"{Options.DefaultGrid}, where 'dass serve' answers"), Options.KeyFile());
        var format = Options.Format();
        var command = new Command(name, description) { grid, keyFile, format };
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
            {
                command.Add(argument);
            }
            else
            {
                command.Add((System.CommandLine.Option)symbol);
            }
        }
        command.SetAction(async (parsed, cancellationToken) =>
        {
            await using var connection = GridConnection.Open(parsed.GetValue(grid) ?? Options.DefaultGrid, parsed.GetValue(keyFile));
            await run(
                new AdminCall(connection.Client.Admin, parsed.GetValue(format), cancellationToken), parsed).ConfigureAwait(false);
            return Invocation.Success;
        });
        return command;
    }

    /// <summary>The limits of a tenant as options.</summary>
    private sealed class LimitOptions
    {
        private readonly Option<int?> _live = Options.Whole(
            "--live-streams", "Streams that are live at once,", 1, int.MaxValue, absent: null);
        private readonly Option<int?> _new = Options.Whole(
            "--new-streams-per-minute", "Streams that may begin in a minute,", 1, int.MaxValue, absent: null);
        private readonly Option<int?> _rate = Options.Whole("--audio-rate", "Seconds of audio per second,", 1, int.MaxValue, absent: null);
        private readonly Option<int?> _subscribers = Options.Whole(
            "--subscribers", "Subscriptions at once,", 1, int.MaxValue, absent: null);
        private readonly Option<int?> _message = Options.Whole(
            "--message-bytes", "Audio of a message in bytes,", 4096, int.MaxValue, absent: null);
        private readonly Option<int?> _retained = Options.Whole(
            "--retained-bytes", "Audio that a gateway keeps of each call in bytes,", 1 << 16, int.MaxValue, absent: null);
        private readonly Option<int?> _weight = Options.Whole(
            "--weight", "Device time in relation to other tenants,", 1, 100, absent: null);

        public Symbol[] All => [_live, _new, _rate, _subscribers, _message, _retained, _weight];

        /// <summary>Null: none is given.</summary>
        public Limits? From(ParseResult parsed)
        {
            var limits = new Limits();
            void Set(Option<int?> option, Action<int> set)
            {
                if (parsed.GetValue(option) is { } value)
                {
                    set(value);
                }
            }
            Set(_live, value => limits.LiveStreams = value);
            Set(_new, value => limits.NewStreamsPerMinute = value);
            Set(_rate, value => limits.AudioSecondsPerSecond = value);
            Set(_subscribers, value => limits.Subscribers = value);
            Set(_message, value => limits.MessageBytes = value);
            Set(_retained, value => limits.RetainedBytes = value);
            Set(_weight, value => limits.Weight = value);
            return limits.Equals(new Limits()) ? null : limits;
        }
    }

    /// <summary>One call, and how its answer is written.</summary>
    private sealed record AdminCall(Admin.AdminClient Client, OutputFormat Format, CancellationToken Cancellation)
    {
        public void Write<T>(IReadOnlyCollection<T> rows, string[] columns, Func<T, string[]> cells)
            where T : IMessage =>
            Listing.Write(Format, rows, columns, cells);

        /// <summary>As a table the key alone on standard output, so that a script can keep it.</summary>
        public void WriteKey(TenantWithKey made)
        {
            if (Format != OutputFormat.Table)
            {
                Write([made], ["tenant", "key"], each => [each.Tenant.Name, each.Key]);
                return;
            }
            Terminal.Note(string.Create(
                CultureInfo.InvariantCulture, $"the key of tenant {made.Tenant.Name}; the grid does not show it again."));
            Console.Out.WriteLine(made.Key);
        }
    }
}
