namespace Dass.Grid.Grains.Streams;

/// <summary>What a stream needs of its activation.</summary>
internal interface IStreamHost
{
    /// <summary>Looks after the stream from now on.</summary>
    void KeepUp();

    /// <summary>When <see cref="StreamPersistence.SaveAsync"/> is called next; null: not at all.</summary>
    void ScheduleCheckpoint(TimeSpan? due);

    /// <summary>When the stream was fed last.</summary>
    DateTimeOffset LastActive { get; }

    /// <summary>The stream's idle time begins anew.</summary>
    void OnActive();

    /// <summary>Tells the tenant's books soon.</summary>
    void Settle();

    /// <summary>Tells the tenant's list.</summary>
    void Report();

    /// <summary>The activation is of no more use.</summary>
    void LetActivationGo();
}
