namespace Dass.Grid.Engine.Streaming;

/// <summary>Whose sessions use an engine: a tenant.</summary>
/// <remarks>The count of sessions is touched under the engine's lock.</remarks>
/// <param name="name">Empty: sessions without an owner.</param>
/// <param name="devices">Of the engine.</param>
internal sealed class EngineOwner(string name, int devices)
{
    public string Name => name;

    /// <summary>Sessions that are open.</summary>
    public int Sessions { get; set; }

    /// <summary>Its part of each device.</summary>
    public StepShare[] Shares { get; } = [.. Enumerable.Range(0, devices).Select(_ => new StepShare())];

    /// <summary>
    /// Turns to decode, resample and make features, which happens on the callers' threads: an owner has half of the cores at most, however
    /// many of its streams are pushed. Sessions without an owner have all.
    /// </summary>
    public SemaphoreSlim Intake { get; } =
        new(name.Length == 0 ? Environment.ProcessorCount : Math.Max(1, Environment.ProcessorCount / 2));

    public void Weigh(double weight)
    {
        foreach (var share in Shares)
        {
            share.Weight = weight;
        }
    }
}
