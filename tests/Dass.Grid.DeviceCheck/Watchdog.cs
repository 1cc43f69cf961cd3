using System.Runtime.InteropServices;

namespace Dass.Grid.DeviceCheck;

/// <summary>Ends a check that hangs with what there is.</summary>
internal static partial class Watchdog
{
    public static void Start(Report report, double seconds) => new Thread(() =>
    {
        Thread.Sleep(TimeSpan.FromSeconds(seconds));
        Exit(report.End("timeout", $"a part still ran after {seconds:0} s"));
    }) { IsBackground = true }.Start();

    // At once: what the libraries do at an orderly end would wait for the device.
    [LibraryImport("libc.so.6", EntryPoint = "_exit")]
    private static partial void Exit(int status);
}
