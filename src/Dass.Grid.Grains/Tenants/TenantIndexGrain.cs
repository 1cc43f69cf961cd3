using Dass.Grid.Grains.Storage;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Dass.Grid.Grains.Tenants;

/// <summary>Keeps the index of tenants that have streams, and wakes their lists.</summary>
[Reentrant, GrainType("tenantindex")]
public sealed class TenantIndexGrain : Grain, ITenantIndexGrain
{
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(100);

    private readonly StoredJson<HashSet<string>> _store;
    private readonly GatheredWrites _writes;
    private readonly HashSet<string> _added = []; // since its list was woken last
    private HashSet<string> _tenants = [];
    private Task _waking = Task.CompletedTask;

    public TenantIndexGrain([FromKeyedServices(GridStorage.Name)] IGrainStorage storage)
    {
        _store = new StoredJson<HashSet<string>>(storage, "tenants", this.GetGrainId());
        // The tenants add themselves again to the activation that has written.
        _writes = new GatheredWrites(() => _store.WriteAsync(_tenants), Gather, DeactivateOnIdle);
    }

    public override async Task OnActivateAsync(CancellationToken cancellationToken) => _tenants = await _store.ReadAsync() ?? _tenants;

    public Task Add(string tenant)
    {
        _added.Add(tenant);
        _tenants.Add(tenant);
        return _writes.WriteAsync(); // also of one that is known: its write may have failed
    }

    public Task Wake()
    {
        if (_waking.IsCompleted)
        {
            _waking = WakeAsync();
            _waking.Ignore(); // the index may not have been written
        }
        return Task.CompletedTask;
    }

    private async Task WakeAsync()
    {
        var before = _tenants.Count;
        foreach (var tenant in _tenants.ToArray())
        {
            _added.Remove(tenant);
            try
            {
                if (!await GrainFactory.GetGrain<ITenantGrain>(tenant).Wake() && !_added.Contains(tenant))
                {
                    _tenants.Remove(tenant);
                }
            }
            catch (Exception)
            {
                // It stays in the index, and is woken again with the others.
            }
        }
        if (_tenants.Count < before)
        {
            await _writes.WriteAsync();
        }
    }
}
