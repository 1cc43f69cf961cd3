namespace Dass.Grid.Grains.Streams;

/// <summary>What a stream needs of its activation.</summary>
internal interface IStreamHost
{
    /// <summary>Upkeep runs from now on.</summary>
    void StartUpkeep();

    /// <summary>When <see cref="StreamPersistence.SaveAsync"/> is called next; null: not at all.</summary>
    void ScheduleCheckpoint(TimeSpan? due);

    /// <summary>The activation goes when its calls are answered.</summary>
    void Deactivate();

    /// <summary>
    /// The activation goes to another silo, if there is one, when its calls are answered. Without a next activation callers that know this
    /// silo as the stream's would call the stream back here.
    /// </summary>
    void Leave();
}
