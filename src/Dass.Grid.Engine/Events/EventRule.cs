using Dass.Grid.Engine.Streaming;

namespace Dass.Grid.Engine.Events;

/// <summary>
/// When a sound is an event. A sound lasts while its chunk scores are at least <see cref="Off"/>; pauses up to <see cref="MergeGap"/> belong to
/// it. It is an event once it has reached <see cref="On"/> and has lasted <see cref="MinDuration"/>.
/// </summary>
/// <remarks>
/// The defaults were chosen on 200 scenes of 30 s (<c>src/training/run export_scenes --seed 13 --count 200</c>) heard by the built-in model in chunks of
/// 0.96 s. TABLE
/// </remarks>
public sealed record EventRule
{
    private const float OffShare = 0.8f;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private readonly float? _off;

    /// <summary>Chunk score that a sound must reach once, 0 to 1. Default: 0.5.</summary>
    public float On { get; init; } = 0.5f;

    /// <summary>Chunk score below which a sound is off, 0 to <see cref="On"/>. Default: 0.8 of <see cref="On"/>.</summary>
    public float Off
    {
        get => _off ?? OffShare * On;
        init => _off = value;
    }

    /// <summary>A shorter sound is no event, 0 to 10 min. Default: 0.75 s.</summary>
    public TimeSpan MinDuration { get; init; } = TimeSpan.FromSeconds(0.75);

    /// <summary>A sound that is back within this time goes on, 0 to 10 min. An event's end is known so much later. Default: 1 s.</summary>
    public TimeSpan MergeGap { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Checks the rules of every field.</summary>
    /// <exception cref="ArgumentException">A rule is broken; the message lists every one with field, value and rule.</exception>
    public void Validate()
    {
        var validation = new Validation();
        AddTo(validation, nameof(EventRule));
        validation.ThrowIfBroken();
    }

    internal void AddTo(Validation validation, string name)
    {
        validation.InRange($"{name}.{nameof(On)}", On, 0f, 1f);
        validation.Rule(Off >= 0 && !(Off > On), $"{name}.{nameof(Off)}", Off, $"must be 0 to {nameof(On)} ({On})");
        validation.InRange($"{name}.{nameof(MinDuration)}", MinDuration, TimeSpan.Zero, Longest);
        validation.InRange($"{name}.{nameof(MergeGap)}", MergeGap, TimeSpan.Zero, Longest);
    }
}
