using Dass.Grid.Engine.Model;

namespace Dass.Grid.DeviceCheck;

/// <summary>Streams of a model in an arena of their own: their memory is the device's again when they are disposed.</summary>
internal sealed class CheckStreams : IDisposable
{
    private readonly StateArena _arena;

    /// <param name="model">Where they are stepped.</param>
    /// <param name="count">Of streams; fewer if the device does not hold so many.</param>
    /// <param name="slots">Of the arena; 0: as many.</param>
    public CheckStreams(IStepModel model, int count, int slots = 0)
    {
        _arena = new StateArena(model.CreateMemory(Math.Max(count, slots)));
        Requests = [.. Enumerable.Range(0, Math.Min(count, Capacity)).Select(
            _ => new StepRequest(_arena.TryRent()!, model.Model.Config))];
    }

    public int Capacity => _arena.Capacity;

    public StepRequest[] Requests { get; }

    /// <summary>Sets the shape of the next step and gives each stream noise of its own.</summary>
    public void Fill(int seed, int frames = 160, int committed = 96)
    {
        for (var i = 0; i < Requests.Length; i++)
        {
            var random = new Random(seed + i);
            Requests[i].Shape(frames, committed);
            foreach (ref var value in Requests[i].Features)
            {
                value = 2 * random.NextSingle() - 1;
            }
        }
    }

    public void Dispose()
    {
        foreach (var request in Requests)
        {
            request.Slot.Dispose();
        }
        _arena.Dispose();
    }

    /// <summary>The state of a stream.</summary>
    public static float[] State(StepRequest request)
    {
        var state = new float[request.Slot.Length];
        request.Slot.Read(state);
        return state;
    }
}
