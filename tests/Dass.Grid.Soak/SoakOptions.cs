namespace Dass.Grid.Soak;

/// <summary>What is run.</summary>
/// <param name="Minutes">Time for which streams begin and go on; those that are live then are ended.</param>
/// <param name="Streams">Live at once, shared by all tenants.</param>
/// <param name="Tenants">Each has a key, and three subscribers.</param>
/// <param name="Chunk">Committed audio per step.</param>
/// <param name="LookAhead">Of each step.</param>
/// <param name="Growth">How far the lower quartile of resident memory in the last third may lie above that of the third before: a
/// share.</param>
/// <param name="Attack">Whether an attacker runs beside the streams for the half of the time in the middle.</param>
internal sealed record SoakOptions(
    double Minutes, int Streams, int Tenants, TimeSpan Chunk, TimeSpan LookAhead, double Growth, bool Attack);
