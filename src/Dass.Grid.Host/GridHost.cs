namespace Dass.Grid.Host;

/// <summary>Composes the grid's process: roles all, silo or gateway.</summary>
public static class GridHost
{
    /// <summary>A host that is configured by appsettings.json, the environment and <paramref name="args"/> (e.g. <c>--Grid:Role=gateway</c>), not yet started.</summary>
    public static WebApplication Build(string[] args) => throw new NotImplementedException();
}
