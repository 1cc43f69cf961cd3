using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Models;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Gateway.Subscriptions;

/// <summary>What all subscriptions of a gateway share.</summary>
internal sealed record SubscriptionServices(
    GridAccess Grid, ModelCards Cards, TenantQuotas Quotas, StreamObservers Observers, StreamListings Listings);
