using Dass.Grid.Client;
using Dass.Grid.Evaluation.Plots;
using Dass.Grid.V1;
using Grpc.Core;
using AudioFormat = Dass.Grid.Engine.Audio.AudioFormat;

namespace Dass.Grid.Cli.Clips;

/// <summary>
/// Keeps the last minutes of one source's audio in memory, and writes a clip around each event that the rules name once its tags are there.
/// Audio goes in on one thread, answers on another.
/// </summary>
internal sealed class ClipKeeper(ClipRules rules, string stream, GridClient grid, TimeProvider clock, Action<string> note)
{
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly ClipFiles _files = new(rules, clock);
    private readonly SpeechGuard _speech = new(rules.SpeechFrom, rules.Window);
    private readonly List<(Event Sound, DateTimeOffset Begun)> _waiting = [];
    private AudioRing? _ring;
    private ModelInfo? _model; // of the stream
    private bool _isKnown; // its labels
    private long _asked;

    /// <summary>Audio that has found its place in time.</summary>
    /// <param name="format">Of the audio.</param>
    /// <param name="begin">When its first sample was heard.</param>
    /// <param name="audio">Whole frames; kept.</param>
    public void Add(AudioFormat format, DateTimeOffset begin, ReadOnlyMemory<byte> audio)
    {
        lock (_lock)
        {
            if (_ring?.Format != format)
            {
                _ring = new AudioRing(format, rules.Window);
            }
            _ring.Add(begin, audio);
        }
    }

    /// <summary>An answer of the stream, with the scores of all labels.</summary>
    /// <param name="answer">In the order in which they come.</param>
    /// <param name="begun">When the stream's first sample was heard.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task OnAnswerAsync(StreamResponse answer, DateTimeOffset begun, CancellationToken cancellationToken)
    {
        switch (answer)
        {
            case { Ready: { } ready }:
                if (_model?.Hash != ready.Model.Hash)
                {
                    (_model, _isKnown) = (ready.Model, false);
                    _speech.OnLabels([]);
                    await AskAsync(cancellationToken).ConfigureAwait(false);
                }
                break;
            case { Tags: { } tags }:
                if (!_isKnown && clock.GetElapsedTime(_asked) > AskAgain)
                {
                    await AskAsync(cancellationToken).ConfigureAwait(false);
                }
                DateTimeOffset At(double seconds) => begun + TimeSpan.FromSeconds(seconds);
                _speech.Add(At(tags.StartSeconds), At(tags.EndSeconds), tags.DenseChunkScores);
                Wait(tags.Events, begun);
                await WriteAsync(At(tags.EndSeconds)).ConfigureAwait(false);
                break;
            case { Gap: { } gap }:
                Wait(gap.Events, begun);
                break;
            case { Events: { } closed }:
                Wait(closed.Events, begun);
                await WriteAsync(DateTimeOffset.MaxValue).ConfigureAwait(false);
                break;
        }
    }

    /// <summary>Which score is speech's. A gateway that has just come may not answer: until one does, all counts as speech.</summary>
    private async Task AskAsync(CancellationToken cancellationToken)
    {
        _asked = clock.GetTimestamp();
        try
        {
            var labels = await grid.Tagging.ListLabelsAsync(
                new ListLabelsRequest { Model = _model!.Name }, deadline: DateTime.UtcNow + AskAgain, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
            _speech.OnLabels(labels.Labels);
            _isKnown = true;
        }
        catch (RpcException away) when (!cancellationToken.IsCancellationRequested)
        {
            note($"which sounds are speech is not known yet: {away.Status.Detail}");
        }
    }

    private void Wait(IEnumerable<Event> events, DateTimeOffset begun) => _waiting.AddRange(
        events.Where(sound => sound.Kind == EventKind.Closed && rules.Wants(sound.Label, sound.PeakScore)).Select(sound => (sound, begun)));

    /// <summary>Writes the clips whose last chunk is known, and the one behind it, which may be speech.</summary>
    private async Task WriteAsync(DateTimeOffset known)
    {
        foreach (var (sound, begun) in _waiting.ToArray())
        {
            var onset = begun + TimeSpan.FromSeconds(sound.OnsetSeconds);
            var length = TimeSpan.FromSeconds(sound.OffsetSeconds - sound.OnsetSeconds);
            var (from, to) = (onset - rules.Margin, onset + (length < rules.Longest ? length : rules.Longest) + rules.Margin);
            if (known < to + rules.Margin)
            {
                continue;
            }
            _waiting.Remove((sound, begun));
            byte[] audio;
            AudioFormat format;
            var heard = false; // of the sound itself, not of the time around it
            bool IsKept(DateTimeOffset time)
            {
                var kept = _speech.IsKept(time);
                heard |= kept && time >= onset && time < to - rules.Margin;
                return kept;
            }
            lock (_lock)
            {
                if (_ring is null)
                {
                    continue;
                }
                (audio, format) = (_ring.Take(from, to, IsKept), _ring.Format);
            }
            if (!heard)
            {
                note($"no clip of {sound.Label} at {onset.UtcDateTime:u}: all of it is speech, or older than what is held.");
                continue;
            }
            try
            {
                var drawn = new PlottedEvent(sound.Label, rules.Margin.TotalSeconds, (to - from - rules.Margin).TotalSeconds);
                var file = await _files.WriteAsync(stream, onset, sound.Id, sound.Label, format, audio, drawn).ConfigureAwait(false);
                note($"clip of {sound.Label}: {file}");
            }
            catch (Exception full) when (full is IOException or UnauthorizedAccessException)
            {
                note($"no clip of {sound.Label}: {full.Message}");
            }
        }
    }
}
