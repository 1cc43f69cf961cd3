using Dass.Grid.V1;

namespace Dass.Grid.Notify.Reading;

/// <summary>A sound that a subscription has heard begin.</summary>
/// <param name="Stream">Id.</param>
/// <param name="Sound">As it was opened.</param>
/// <param name="Onset">UTC, where the log will have it.</param>
/// <param name="Heard">UTC: so far it has been heard.</param>
internal sealed record OpenedEvent(string Stream, Event Sound, DateTime Onset, DateTime Heard);
