namespace Dass.Grid.Soak;

/// <summary>A tenant's books, each figure as its clients have it and as the grid says.</summary>
/// <param name="Tenant">Whose.</param>
/// <param name="AudioSent">Seconds.</param>
/// <param name="AudioBooked">Seconds.</param>
/// <param name="StreamsBegun">By its feeders.</param>
/// <param name="StreamsBooked">By the grid.</param>
/// <param name="EventsClosed">As its feeders heard.</param>
/// <param name="EventsBooked">In its use.</param>
/// <param name="EventsKept">That ListEvents names.</param>
/// <param name="EventsHeard">By each of its listeners.</param>
/// <param name="Dropped">Chunks that listeners were told they had missed.</param>
/// <param name="Breaks">Calls that feeders broke off.</param>
/// <param name="Interruptions">Calls that the grid ended, and that were taken up again.</param>
/// <param name="Refusals">Streams that were not let in, and tried again.</param>
/// <param name="Astray">Chunks that came twice or not at all.</param>
internal sealed record Books(
    string Tenant, double AudioSent, double AudioBooked, long StreamsBegun, long StreamsBooked, long EventsClosed, long EventsBooked, long EventsKept, long[] EventsHeard,
    long Dropped, long Breaks, long Interruptions, long Refusals, long Astray)
{
    private const double Rounding = 1e-6; // seconds: sums of many doubles

    public bool AreExact => Math.Abs(AudioSent - AudioBooked) < Rounding && StreamsBegun == StreamsBooked && Astray == 0
        && EventsHeard.Append(EventsBooked).Append(EventsKept).All(events => events == EventsClosed);
}

/// <summary>What came of it.</summary>
/// <param name="Options">What was run.</param>
/// <param name="Held">Memory of the host.</param>
/// <param name="Books">By tenant.</param>
/// <param name="Complaints">Warnings and errors in the host's log.</param>
/// <param name="Failures">Calls that went wrong, by reason.</param>
internal sealed record SoakResult(SoakOptions Options, IReadOnlyList<Held> Held, IReadOnlyList<Books> Books, int Complaints, IReadOnlyDictionary<string, int> Failures)
{
    public double? ResidentGrowth => Memory.Growth([.. Held.Select(held => (double)held.Resident)]);

    public double? HeapGrowth => Memory.Growth([.. Held.Select(held => held.Heap)]);

    public bool IsFlat => ResidentGrowth is { } growth && growth <= Options.Growth;

    public bool Passed => IsFlat && Books.All(books => books.AreExact) && Failures.Count == 0;
}
