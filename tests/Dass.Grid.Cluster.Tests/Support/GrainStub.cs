using System.Reflection;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>A grain, or the factory of grains, that answers as a test says.</summary>
internal class GrainStub : DispatchProxy
{
    private Func<MethodInfo, object?[], object?> _answer = null!;

    public static T Create<T>(Func<MethodInfo, object?[], object?> answer)
        where T : class
    {
        var stub = Create<T, GrainStub>();
        ((GrainStub)(object)stub)._answer = answer;
        return stub;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(targetMethod!, args ?? []);
}
