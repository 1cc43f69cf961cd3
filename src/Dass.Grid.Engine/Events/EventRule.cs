namespace Dass.Grid.Engine.Events;

/// <summary>
/// When a sound is an event. A sound lasts while its chunk scores are at least <see cref="Off"/>; pauses up to <see cref="MergeGap"/>
/// belong to it. It is an event once it has reached <see cref="On"/> and has lasted <see cref="MinDuration"/>.
/// </summary>
/// <remarks>
/// The defaults come from a model of 22 labels made by the recipe without a teacher, with chunks of 0.96 s, on 200 scenes of 30 s
/// (<c>src/training/run export_scenes --seed 13 --count 200</c>). MinDuration trades false events for delay: 0.3, 0.5, 0.75 and 1 s give
/// 413, 207, 109 and 97 false events an hour (20 labels together), 76, 76, 75 and 74 % of events detected and a median delay of 1.65, 2.05,
/// 2.20 and 2.33 s. Off at On (no hysteresis) detects 72 %, with 77 false events an hour; PSDS is the same. Without a MergeGap F1 is 0.149,
/// from 0.5 to 1.5 s 0.154 to 0.157, from 2 s on 0.142.
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
        var validation = new OptionRules();
        AddTo(validation, nameof(EventRule));
        validation.ThrowIfBroken();
    }

    internal void AddTo(OptionRules validation, string name)
    {
        validation.InRange($"{name}.{nameof(On)}", On, 0f, 1f);
        validation.Rule(Off >= 0 && !(Off > On), $"{name}.{nameof(Off)}", Off, $"it must be 0 to {nameof(On)} ({On})");
        validation.InRange($"{name}.{nameof(MinDuration)}", MinDuration, TimeSpan.Zero, Longest);
        validation.InRange($"{name}.{nameof(MergeGap)}", MergeGap, TimeSpan.Zero, Longest);
    }
}
