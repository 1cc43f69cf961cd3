using System.Diagnostics;
using Dass.Grid.Tests;

namespace Dass.Grid.Cluster.Tests.Support;

/// <summary>A test that changes mounts for a program of its own. Containers may refuse that, also to root: then it is skipped.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NeedsMountsFactAttribute : NeedsFactAttribute
{
    private static readonly Lazy<bool> Allowed = new(IsAllowed);

    public NeedsMountsFactAttribute()
        : base("unshare", "util-linux")
    {
        if (Skip is null && !Allowed.Value)
        {
            Skip = "`unshare -rm` is refused here: a test needs mounts of its own";
            File.AppendAllText(Path.Combine(AppContext.BaseDirectory, "skipped.txt"), $"{Skip}\n");
        }
    }

    private static bool IsAllowed()
    {
        var start = new ProcessStartInfo("unshare", ["-rm", "mount", "-o", "remount,ro,bind", "/"]) { RedirectStandardError = true };
        using var unshare = Process.Start(start)!;
        unshare.WaitForExit();
        return unshare.ExitCode == 0;
    }
}
