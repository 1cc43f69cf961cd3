namespace Dass.Grid.Client;

/// <summary>Audio of a live source in its place.</summary>
/// <param name="Era">Counts how often positions began anew, because the clock went back further than audio can be left out.</param>
/// <param name="Position">Of the first sample, counted in samples from the era's beginning.</param>
/// <param name="Data">Whole frames; not empty.</param>
internal readonly record struct LivePiece(int Era, long Position, ReadOnlyMemory<byte> Data);
