namespace Dass.Grid.Engine.Audio;

/// <summary>How loud a stretch of audio is, over all its channels at the stream's own rate, before they are mixed.</summary>
/// <param name="RmsDbfs">20·log10 of the root mean square without its mean (a microphone's constant offset is no sound), full scale 1:
/// a sine at full scale has −3.01. At least <see cref="SilenceDbfs"/>.</param>
/// <param name="PeakDbfs">20·log10 of the highest magnitude; above 0 of float samples beyond full scale. At least
/// <see cref="SilenceDbfs"/>.</param>
/// <param name="ClippedShare">Samples at full scale or beyond, 0 to 1.</param>
public readonly record struct AudioLevel(float RmsDbfs, float PeakDbfs, float ClippedShare)
{
    /// <summary>What no 16-bit sample is below: digital silence.</summary>
    public const float SilenceDbfs = -120;
}
