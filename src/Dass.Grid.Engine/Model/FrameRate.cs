namespace Dass.Grid.Engine.Model;

/// <summary>How audio becomes frames: the same for every model.</summary>
internal static class FrameRate
{
    /// <summary>Samples per second that a model hears.</summary>
    public const int SampleRateHz = 16_000;

    /// <summary>Samples from one frame to the next.</summary>
    public const int HopSamples = 160;

    /// <summary>Time from one frame to the next.</summary>
    public const double HopSeconds = (double)HopSamples / SampleRateHz;
}
