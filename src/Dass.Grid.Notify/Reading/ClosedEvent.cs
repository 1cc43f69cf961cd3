namespace Dass.Grid.Notify.Reading;

/// <summary>An event that a subscription has seen close, and that the grid's log will therefore list.</summary>
/// <param name="Stream">Id.</param>
/// <param name="Event">Id in the stream.</param>
/// <param name="LabelId">Machine id.</param>
/// <param name="Label">Display name.</param>
/// <param name="Peak">Its highest score.</param>
/// <param name="Onset">UTC, where the log has it.</param>
/// <param name="End">UTC.</param>
internal readonly record struct ClosedEvent(
    string Stream, string Event, string LabelId, string Label, float Peak, DateTime Onset, DateTime End);
