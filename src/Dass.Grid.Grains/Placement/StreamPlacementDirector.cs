using Orleans.Runtime.Placement;

namespace Dass.Grid.Grains.Placement;

/// <summary>
/// By what silos can carry and what they have to do: see <see cref="LoadMap"/>. A stream whose model is named in the request goes where
/// that is served. A silo that drains or has no slot is taken only when there is no other.
/// </summary>
public sealed class StreamPlacementDirector(LoadMap map) : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var silos = context.GetCompatibleSilos(target);
        var model = target.RequestContextData is { } hints && hints.TryGetValue(ModelHint.Key, out var named) ? named as string : null;
        if (IPlacementDirector.GetPlacementHint(target.RequestContextData, silos) is { } wanted
            && !map.IsDraining(wanted) && map.Serves(wanted, model))
        {
            return Task.FromResult(map.Choose(wanted));
        }
        SiloAddress[] serving = [.. silos.Where(silo => map.Serves(silo, model))];
        SiloAddress[] open = [.. serving.Where(map.HasRoom)];
        if (open.Length == 0)
        {
            open = [.. serving.Where(silo => !map.IsDraining(silo))];
        }
        if (open.Length == 0)
        {
            open = silos;
        }
        return Task.FromResult(map.Choose(open, Random.Shared));
    }
}
