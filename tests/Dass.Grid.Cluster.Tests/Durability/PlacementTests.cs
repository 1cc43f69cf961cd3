using System.Net;
using Dass.Grid.Grains.Placement;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Durability;

public sealed class PlacementTests
{
    private static readonly SiloAddress One = SiloAddress.New(IPAddress.Loopback, 1, 1);
    private static readonly SiloAddress Two = SiloAddress.New(IPAddress.Loopback, 2, 1);

    private readonly FakeTimeProvider _time = new();
    private readonly LoadMap _map;

    public PlacementTests() => _map = new LoadMap(_time);

    [Fact]
    public void A_silo_that_drains_or_is_full_has_no_room()
    {
        _map.Report(One, Load(slots: 10, used: 3, queuedSteps: 0, draining: true));
        _map.Report(Two, Load(slots: 10, used: 10, queuedSteps: 0, draining: false));

        Assert.Equal((false, true, false), (_map.HasRoom(One), _map.IsDraining(One), _map.HasRoom(Two)));
    }

    [Fact]
    public void Streams_that_are_on_their_way_count_until_the_silo_speaks_again()
    {
        _map.Report(One, Load(slots: 2, used: 0, queuedSteps: 0, draining: false));
        _map.Choose(One);
        _map.Choose(One);
        Assert.False(_map.HasRoom(One));

        _map.Report(One, Load(slots: 2, used: 1, queuedSteps: 0, draining: false));
        Assert.True(_map.HasRoom(One));
    }

    [Fact]
    public void Steps_that_wait_weigh_as_much_as_streams()
    {
        _map.Report(One, Load(slots: 10, used: 2, queuedSteps: 5, draining: false));
        _map.Report(Two, Load(slots: 10, used: 4, queuedSteps: 0, draining: false));

        Assert.True(_map.Pressure(One) > _map.Pressure(Two));
    }

    [Fact]
    public void A_silo_that_has_been_silent_is_not_known()
    {
        _map.Report(One, Load(slots: 10, used: 2, queuedSteps: 0, draining: false));
        _time.Advance(TimeSpan.FromMinutes(1));

        Assert.Empty(_map.Known);
    }

    [Fact]
    public void A_silo_serves_the_models_that_it_named_and_before_it_spoke_all()
    {
        Assert.True(_map.Serves(One, "tiny"));

        _map.Report(One, Load(slots: 10, used: 2, queuedSteps: 0, draining: false));
        Assert.Equal((true, false, true), (_map.Serves(One, "tiny"), _map.Serves(One, "other"), _map.Serves(One, model: null)));
    }

    private static SiloLoad Load(int slots, int used, int queuedSteps, bool draining) => new(slots, used, queuedSteps, draining, ["tiny"]);
}
