namespace Dass.Grid.Contracts;

/// <summary>Which spans of time hold events of one tenant, so that queries read no log that is not there. Key: the tenant's id.</summary>
[Alias("dass.IEventIndexGrain")]
public interface IEventIndexGrain : IGrainWithStringKey
{
    /// <summary>
    /// Answers when the store knows that the span has a log. Spans that were added longer ago than the retention are forgotten, with
    /// their logs.
    /// </summary>
    [Alias("Add")]
    Task Add(long span);

    /// <summary>
    /// The first <paramref name="most"/> spans from <paramref name="first"/> to <paramref name="last"/>, both included, that have a log.
    /// </summary>
    [Alias("Find")]
    Task<long[]> Find(long first, long last, int most);

    /// <summary>As <see cref="Find"/>, from <paramref name="last"/> back: the newest spans, the newest of them first.</summary>
    [Alias("FindNewest")]
    Task<long[]> FindNewest(long first, long last, int most);
}
