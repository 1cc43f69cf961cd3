namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>Tests that see what the whole process does: they run when all others have ended, one after another.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
