using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Gateway.Calls;

/// <summary>What the calls of an endpoint need to be let in.</summary>
internal enum CredentialKind
{
    /// <summary>A tenant's credential.</summary>
    Tenant,

    /// <summary>An admin's key.</summary>
    Admin,

    /// <summary>None, but a place: see <see cref="GatewayOptions.MaxKeylessCalls"/>.</summary>
    Keyless,
}

/// <summary>Metadata of every endpoint of the gateway, that of unknown methods of gRPC included.</summary>
/// <param name="Kind">What its calls need.</param>
/// <param name="Method">The method's own name, for paths that are no method of gRPC.</param>
internal sealed record EndpointCredential(CredentialKind Kind, string? Method = null);

/// <summary>A call that has been let in by its headers.</summary>
/// <param name="Caller">The tenant that calls; null: an admin.</param>
internal sealed record Admission(Caller? Caller);
