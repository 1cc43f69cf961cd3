using Orleans.Placement;

namespace Dass.Grid.Grains.Placement;

/// <summary>A stream goes where a slot is free: see <see cref="StreamPlacementDirector"/>, which holds the whole policy.</summary>
[GenerateSerializer, Immutable, Alias("dass.StreamPlacement")]
public sealed class StreamPlacement : PlacementStrategy;

[AttributeUsage(AttributeTargets.Class)]
public sealed class StreamPlacementAttribute() : PlacementAttribute(new StreamPlacement());
