using Dass.Grid.Contracts;
using Dass.Grid.Gateway.Subscriptions;
using Microsoft.Extensions.Time.Testing;

namespace Dass.Grid.Cluster.Tests.Streams;

public class SeenStreamsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly SeenStreams _heard;

    public SeenStreamsTests() => _heard = new SeenStreams(_time);

    [Fact]
    public void A_stream_is_taken_up_once_and_another_of_its_name_again()
    {
        var listing = Listing("yard");
        Assert.False(_heard.Contains(listing));
        _heard.Add(listing, Task.FromResult<DateTimeOffset?>(_time.GetUtcNow()));
        Assert.True(_heard.Contains(listing with { Ended = true }));
        Assert.False(_heard.Contains(listing with { Begun = listing.Begun.AddSeconds(1) }));
    }

    [Fact]
    public void A_stream_with_a_second_birth_is_not_followed_twice()
    {
        var (listing, over) = (Listing("yard"), new TaskCompletionSource<DateTimeOffset?>());
        _heard.Add(listing, over.Task);
        var again = listing with { Begun = listing.Begun.AddSeconds(1) };
        Assert.True(_heard.Contains(again));
        over.SetResult(again.Begun);
        Assert.True(_heard.Contains(again with { Ended = true }));
        Assert.True(_heard.Contains(listing)); // a list of before
        Assert.False(_heard.Contains(listing with { Begun = again.Begun.AddSeconds(1) })); // another stream of the name
    }

    [Fact]
    public void A_stream_that_was_listed_and_not_there_is_taken_up_again()
    {
        _heard.Add(Listing("yard"), Task.FromResult<DateTimeOffset?>(null));
        Assert.False(_heard.Contains(Listing("yard")));
    }

    [Fact]
    public void What_is_over_is_forgotten_when_it_has_not_been_listed_for_long_and_what_is_heard_never()
    {
        var (over, live) = (Listing("over"), Listing("live"));
        _heard.Add(over, Task.FromResult<DateTimeOffset?>(_time.GetUtcNow()));
        _heard.Add(live, new TaskCompletionSource<DateTimeOffset?>().Task);
        Pass(TimeSpan.FromMinutes(9));
        Assert.True(_heard.Contains(over)); // a list that was lost for a while
        Pass(TimeSpan.FromMinutes(9));
        Assert.Equal(2, _heard.Count);
        Pass(TimeSpan.FromMinutes(2));
        Assert.Equal(1, _heard.Count);
        Assert.True(_heard.Contains(live));
    }

    private void Pass(TimeSpan span)
    {
        _time.Advance(span);
        _heard.RemoveOld();
    }

    private StreamListing Listing(string name) => new(name, "tiny", _time.GetUtcNow(), Ended: false);
}
