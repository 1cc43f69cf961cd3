using System.Net;
using System.Net.Sockets;

namespace Dass.Grid.Gateway.Calls;

/// <summary>Places that clients take, counted in all and by address, so that one address cannot take them all. Thread-safe.</summary>
/// <param name="most">In all.</param>
/// <param name="mostOfOne">Of one address.</param>
internal sealed class PlacesByAddress(int most, int mostOfOne)
{
    private const int PrefixBytes = 8; // of IPv6: a host has a /64 and may call from any address of it

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, int> _taken = [];
    private int _all;

    /// <summary>What counts as one address.</summary>
    public static IPAddress AddressFrom(IPAddress? remote)
    {
        var address = remote ?? IPAddress.None;
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(PrefixBytes).Clear();
        return new IPAddress(bytes);
    }

    /// <returns>Whether there was a place; the caller then releases it once.</returns>
    public bool TryAcquire(IPAddress address)
    {
        lock (_gate)
        {
            var taken = _taken.GetValueOrDefault(address);
            if (_all >= most || taken >= mostOfOne)
            {
                return false;
            }
            _all++;
            _taken[address] = taken + 1;
            return true;
        }
    }

    public void Release(IPAddress address)
    {
        lock (_gate)
        {
            _all--;
            if (--_taken[address] == 0)
            {
                _taken.Remove(address);
            }
        }
    }
}
