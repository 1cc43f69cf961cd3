using System.Collections.Concurrent;
using Dass.Grid.Gateway.Tenants;

namespace Dass.Grid.Gateway.Calls;

/// <summary>Ends the calls whose key or tenant has lost its right, as soon as the registry has the change.</summary>
internal sealed class LiveCalls : IDisposable
{
    private readonly ConcurrentDictionary<CallState, byte> _calls = new();
    private readonly TenantKeys _keys;
    private readonly RegistryCache _registry;
    private readonly ITimer _timer;

    public LiveCalls(TenantKeys keys, RegistryCache registry, TimeProvider time)
    {
        (_keys, _registry) = (keys, registry);
        registry.Changed += Check;
        var second = TimeSpan.FromSeconds(1); // a key may run out without any change
        _timer = time.CreateTimer(_ => Check(), null, second, second);
    }

    public void Add(CallState call) => _calls[call] = 0;

    public void Remove(CallState call) => _calls.TryRemove(call, out _);

    public void Dispose()
    {
        _registry.Changed -= Check;
        _timer.Dispose();
    }

    private void Check()
    {
        foreach (var (call, _) in _calls)
        {
            if (_keys.Revoked(call.Caller) is { } reason)
            {
                call.Revoke(reason);
            }
        }
    }
}
