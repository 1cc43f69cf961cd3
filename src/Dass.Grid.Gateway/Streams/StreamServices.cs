using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Models;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Gateway.Streams;

/// <summary>What all Stream calls of a gateway share.</summary>
internal sealed record StreamServices(GridAccess Grid, ModelCards Cards, ModelAliases Aliases, TenantQuotas Quotas);
