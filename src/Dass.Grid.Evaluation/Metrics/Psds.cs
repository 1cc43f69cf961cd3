namespace Dass.Grid.Evaluation.Metrics;

/// <summary>What a polyphonic sound detection score demands (Bilen et al., arXiv 1910.08440).</summary>
/// <param name="Detection">Share of a detection that must lie in events of its label (DTC).</param>
/// <param name="Truth">Share of an event that must be covered by such detections (GTC).</param>
/// <param name="CrossTrigger">Share of a false detection in events of another label that makes it a cross-trigger (CTTC); null: none are
/// counted.</param>
/// <param name="CrossTriggerWeight">α_ct, 0 to 1.</param>
/// <param name="Instability">α_st: weight of the standard deviation between labels.</param>
/// <param name="MaxFalsePerHour">Where the curve ends.</param>
public sealed record PsdsScenario(
    double Detection, double Truth, double? CrossTrigger, double CrossTriggerWeight, double Instability = 1, double MaxFalsePerHour = 100)
{
    /// <summary>Exact times matter.</summary>
    public static PsdsScenario One { get; } = new(0.7, 0.7, null, 0);

    /// <summary>Confusions matter, times hardly.</summary>
    public static PsdsScenario Two { get; } = new(0.1, 0.1, 0.3, 0.5);
}

/// <summary>Polyphonic sound detection score: the area under the curve of true against false detections over all thresholds.</summary>
public static class Psds
{
    /// <param name="truth">Events of all files.</param>
    /// <param name="operatingPoints">Detections of all files, one list for each threshold.</param>
    /// <param name="hours">Length of all files.</param>
    /// <param name="scenario">The rules.</param>
    /// <returns>0 to 1.</returns>
    public static double Score(
        IReadOnlyList<SoundEvent> truth, IReadOnlyList<IReadOnlyList<SoundEvent>> operatingPoints, double hours, PsdsScenario scenario)
    {
        int[] labels = [.. truth.Select(sound => sound.Label).Distinct().Order()];
        var curves = labels
            .Select(label => operatingPoints.Select(found => Rates(label, labels, truth, found, hours, scenario)).ToArray())
            .ToArray();

        // Each label's curve is a staircase: the best true rate at no more than so many false detections.
        var between = curves
            .SelectMany(curve => curve)
            .Select(point => point.False)
            .Where(x => x < scenario.MaxFalsePerHour)
            .Distinct()
            .Order();
        double[] steps = [0, .. between, scenario.MaxFalsePerHour];
        double area = 0;
        for (var i = 0; i + 1 < steps.Length; i++)
        {
            double[] rates = [
                .. curves.Select(curve => curve.Where(point => point.False <= steps[i]).Select(point => point.True).DefaultIfEmpty().Max())
            ];
            var mean = rates.Average();
            var deviation = Math.Sqrt(rates.Average(rate => (rate - mean) * (rate - mean)));
            area += (steps[i + 1] - steps[i]) * Math.Max(0, mean - scenario.Instability * deviation);
        }
        return area / scenario.MaxFalsePerHour;
    }

    private static (double False, double True) Rates(
        int label, int[] labels, IReadOnlyList<SoundEvent> truth, IReadOnlyList<SoundEvent> found, double hours, PsdsScenario scenario)
    {
        SoundEvent[] events = [.. truth.Where(sound => sound.Label == label)];
        var relevant = new List<SoundEvent>();
        var wrong = new List<SoundEvent>();
        foreach (var detection in found.Where(sound => sound.Label == label))
        {
            (events.Sum(detection.Overlap) >= scenario.Detection * detection.Length ? relevant : wrong).Add(detection);
        }
        var hits = events.Count(sound => relevant.Sum(sound.Overlap) >= scenario.Truth * sound.Length);
        var rate = wrong.Count / hours;
        if (scenario.CrossTrigger is { } share && labels.Length > 1)
        {
            rate += scenario.CrossTriggerWeight * labels.Where(other => other != label).Average(other =>
            {
                SoundEvent[] others = [.. truth.Where(sound => sound.Label == other)];
                var taken = wrong.Count(detection => others.Sum(detection.Overlap) >= share * detection.Length);
                return taken / (others.Sum(sound => sound.Length) / 3600);
            });
        }
        return (rate, (double)hits / events.Length);
    }
}
