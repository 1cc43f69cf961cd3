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
    private readonly Random _random = new(1);

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
        _map.Report(One, Load(slots: 100, used: 20, queuedSteps: 50, draining: false));
        _map.Report(Two, Load(slots: 100, used: 40, queuedSteps: 0, draining: false));

        var placed = Place(24, One, Two);
        Assert.True(placed[Two] > 2 * placed.GetValueOrDefault(One), $"{placed[Two]} of 24 streams went to the silo without a queue.");
    }

    [Fact]
    public void Shares_follow_the_rates_of_silos_that_have_slots_enough()
    {
        SiloAddress[] silos = [.. Enumerable.Range(1, 11).Select(port => SiloAddress.New(IPAddress.Loopback, port, 1))];
        var used = silos.ToDictionary(silo => silo, _ => 0);
        for (var second = 0; second < 50; second++) // all of them report once a second, and fifty streams begin
        {
            foreach (var (silo, streams) in used)
            {
                _map.Report(silo, Load(slots: 20_000, streams, queuedSteps: 0, draining: false) with { Rate = Rate(silo) });
            }
            foreach (var (silo, more) in Place(50, silos))
            {
                used[silo] += more;
            }
        }
        Assert.All(used, silo =>
        {
            var share = 2500 * Rate(silo.Key) / silos.Sum(Rate);
            Assert.InRange(silo.Value, share * 0.7 - 2, share * 1.3 + 2);
        });

        double Rate(SiloAddress silo) => silo.Equals(silos[0]) ? 16_000 : 44; // a device's beside those of ten processors
    }

    [Fact]
    public void Slots_that_a_rate_does_not_fill_count_and_so_do_those_that_it_overfills()
    {
        _map.Report(One, Load(slots: 100, used: 0, queuedSteps: 0, draining: false) with { Rate = 10_000 });
        _map.Report(Two, Load(slots: 1_000, used: 0, queuedSteps: 0, draining: false) with { Rate = 50 });

        var placed = Place(60, One, Two);
        Assert.InRange(placed[One], 35, 45); // 100 can be carried here, and 50 there
    }

    [Fact]
    public void Beside_a_silo_that_reports_no_rate_the_slots_count()
    {
        _map.Report(One, Load(slots: 100, used: 0, queuedSteps: 0, draining: false) with { Rate = 10 });
        _map.Report(Two, Load(slots: 100, used: 0, queuedSteps: 0, draining: false));

        Assert.InRange(Place(60, One, Two)[One], 25, 35);
    }

    [Fact]
    public void A_silo_that_has_not_reported_gets_no_more_than_the_slowest()
    {
        _map.Report(One, Load(slots: 20_000, used: 0, queuedSteps: 0, draining: false) with { Rate = 16_000 });
        _map.Report(Two, Load(slots: 20_000, used: 0, queuedSteps: 0, draining: false) with { Rate = 40 });
        var unknown = SiloAddress.New(IPAddress.Loopback, 3, 1);

        Assert.InRange(Place(1_000, One, Two, unknown).GetValueOrDefault(unknown), 0, 20);
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

    private Dictionary<SiloAddress, int> Place(int streams, params SiloAddress[] among) => Enumerable.Range(0, streams)
        .Select(_ => _map.Choose(among, _random))
        .CountBy(silo => silo)
        .ToDictionary();

    private static SiloLoad Load(int slots, int used, int queuedSteps, bool draining) => new(slots, used, queuedSteps, draining, ["tiny"]);
}
