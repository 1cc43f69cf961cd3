using Dass.Grid.Engine;
using Dass.Grid.Grains.Models;
using Dass.Grid.Grains.Sessions;
using Dass.Grid.Grains.Streams;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;

namespace Dass.Grid.Grains.Clips;

/// <summary>One recording at a time and activation; a silo holds as many activations as it has cores.</summary>
[StatelessWorker, GrainType("clip")]
public sealed class ClipGrain(
    ModelRegistry models, ClipUsage usage, IOptions<ClipOptions> clips, IOptions<StreamGrainOptions> streams, TimeProvider time)
    : Grain, IClipGrain
{
    public async Task<Outcome<ClipTags>> Tag(string tenant, StreamSpec spec, AudioBlock audio, CancellationToken cancellationToken)
    {
        if (SessionFactory.Overload(models, spec, streams.Value.MaxLiveWait) is { } overload)
        {
            return overload;
        }
        if (SessionFactory.Open(models, tenant, spec, oldestSample: 0, time.GetUtcNow(), streams.Value.Events, out var clip) is { } refusal)
        {
            return refusal;
        }
        using (clip)
        {
            clip.Weigh(tenant, spec.Weight);
            if ((clip.TrimApplied(audio, out var whole) ?? TooLong(clip.Shape, audio)) is { } broken)
            {
                return broken;
            }
            var closed = 0;
            try
            {
                await clip.PushAsync(whole, cancellationToken);
                await clip.CompleteAsync(StreamEndReason.Finished, cancellationToken);
                var tags = clip.Take(fromChunk: 0);
                var events = clip.Events.Complete(clip.NextSeconds);
                closed = tags.SelectMany(chunk => chunk.Events).Concat(events).Count(sound => sound.Kind == SoundEventKind.Closed);
                return new ClipTags(clip.Shape.Model, [.. tags], clip.Heard, events);
            }
            catch (AudioFormatException invalid)
            {
                return new Refusal(RefusalCode.InvalidRequest, invalid.Message);
            }
            catch (Exception busy) when (busy is StepQueueFullException or DeviceMemoryException)
            {
                return new Refusal(RefusalCode.Busy, busy.Message);
            }
            catch (DeviceLostException)
            {
                return clip.Model.Lost();
            }
            finally
            {
                usage.Add(tenant, clip.Model.Name, clip.NextSeconds, closed); // also of a call that its client has left
            }
        }
    }

    private Refusal? TooLong(StreamShape shape, AudioBlock audio)
    {
        var seconds = ((double)audio.Data.Length / shape.BytesPerFrame + audio.LostBefore) / shape.Format.SampleRateHz;
        return seconds > clips.Value.MaxClip.TotalSeconds
            ? new Refusal(
                RefusalCode.InvalidRequest,
                $"audio lasts {seconds:F1} s; Tag takes at most {clips.Value.MaxClip.TotalSeconds:F0} s. Use Stream for longer audio.")
            : null;
    }
}
