namespace Dass.Grid.Grains.Streams;

/// <summary>Refusals that more than one grain gives.</summary>
internal static class Wording
{
    public static string TornFrame(int bytes, int bytesPerFrame) =>
        $"audio of {bytes} bytes ends inside a sample frame; whole frames of {bytesPerFrame} bytes (channels × bytes per sample) are needed.";
}
