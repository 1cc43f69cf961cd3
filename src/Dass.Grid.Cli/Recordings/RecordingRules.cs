using Dass.Grid.Cli.CommandLine;
using Dass.Grid.Engine.Events;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Cli.Recordings;

/// <summary>When sounds of a recording are events, and which of them are alarms.</summary>
internal sealed class RecordingRules
{
    private readonly Dictionary<int, float> _alarms = []; // by label: the peak from which an event is one

    /// <param name="labels">Of the model.</param>
    /// <param name="rule">Of all labels.</param>
    /// <param name="eventLabels">Labels that have events though they are muted.</param>
    /// <param name="alarms">Sounds that are alarms; they have events from their thresholds on.</param>
    /// <exception cref="UsageException">The model has no such label.</exception>
    /// <exception cref="ArgumentException">The rule is broken.</exception>
    public RecordingRules(LabelSet labels, EventRule rule, IEnumerable<string> eventLabels, IEnumerable<AlarmRule> alarms)
    {
        foreach (var alarm in alarms)
        {
            var label = Find(labels, alarm.Label, "--fail-on");
            int[] sounds = [.. SoundsOf(labels, label.Index)];
            if (!label.IsOffered)
            {
                var kinds = sounds.Where(kind => kind != label.Index).Select(kind => labels[kind].Name).ToArray();
                Warnings.Add(
                    $"the model does not offer {label.Name}, and its score says little; "
                    + (kinds.Length == 0 ? "'dass labels' lists what it offers."
                        : $"it offers {string.Join(", ", kinds)}, which count, too."));
            }
            foreach (var sound in sounds)
            {
                var threshold = alarm.Threshold ?? rule.On;
                _alarms[sound] = Math.Min(threshold, _alarms.GetValueOrDefault(sound, threshold));
            }
        }
        var own = eventLabels.Select(label => Find(labels, label, "--event-label").Index).Distinct()
            .ToDictionary(index => index, _ => rule);
        foreach (var (sound, threshold) in _alarms)
        {
            own[sound] = threshold >= rule.On ? rule
                : new EventRule { On = threshold, MinDuration = rule.MinDuration, MergeGap = rule.MergeGap };
        }
        Events = new EventRules(rule, own, muted: labels.Muted);
    }

    public EventRules Events { get; }

    /// <summary>What a person should know of the alarms.</summary>
    public List<string> Warnings { get; } = [];

    public bool IsAlarm(EventChange sound) => _alarms.TryGetValue(sound.Label, out var least) && sound.Peak >= least;

    /// <summary>The label itself, and all its kinds in AudioSet's tree that open events.</summary>
    private static IEnumerable<int> SoundsOf(LabelSet labels, int wanted) => labels.All
        .Where(label => label.Index == wanted || (label.OpensEvents && labels.Ancestors(label.Index).Contains(wanted)))
        .Select(label => label.Index);

    private static Label Find(LabelSet labels, string name, string option) => labels.Find(name) ?? throw new UsageException(
        $"{option} is '{name}'; the model has no such label.{Nearest.Question(name, labels.All.Select(label => label.Name))}");
}
