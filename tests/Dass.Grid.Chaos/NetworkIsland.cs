using System.Diagnostics;

namespace Dass.Grid.Chaos;

/// <summary>
/// A network namespace of its own, whose one link to the other processes can be cut: packets both ways are then dropped without an answer.
/// Needs root, ip and nft.
/// </summary>
internal sealed class NetworkIsland : IDisposable
{
    private readonly string _table;
    private readonly string _link;

    public NetworkIsland()
    {
        var subnet = $"10.213.{Environment.ProcessId % 250}";
        (Name, _table, _link) = (
            $"dass-chaos-{Environment.ProcessId}", $"dass_chaos_{Environment.ProcessId}", $"dass{Environment.ProcessId}");
        (Mainland, Address) = ($"{subnet}.1", $"{subnet}.2");
        Do("ip", "netns", "add", Name);
        Do("ip", "link", "add", _link, "type", "veth", "peer", "name", "eth0", "netns", Name);
        Do("ip", "addr", "add", $"{Mainland}/30", "dev", _link);
        Do("ip", "link", "set", _link, "up");
        Do("ip", "-n", Name, "addr", "add", $"{Address}/30", "dev", "eth0");
        Do("ip", "-n", Name, "link", "set", "eth0", "up");
        Do("ip", "-n", Name, "link", "set", "lo", "up");
    }

    public static bool IsPossible => Environment.IsPrivilegedProcess && Exists("ip") && Exists("nft");

    public string Name { get; }

    /// <summary>Of a process on the island.</summary>
    public string Address { get; }

    /// <summary>At which the island reaches all other processes of this machine.</summary>
    public string Mainland { get; }

    public void Cut()
    {
        Do("nft", "add", "table", "inet", _table);
        foreach (var (hook, side) in new[] { ("input", "iifname"), ("output", "oifname") })
        {
            Do("nft", "add", "chain", "inet", _table, hook, $"{{ type filter hook {hook} priority 0; }}");
            Do("nft", "add", "rule", "inet", _table, hook, side, _link, "counter", "drop");
        }
    }

    /// <summary>Packets flow again.</summary>
    /// <exception cref="InvalidOperationException">None had been dropped.</exception>
    public void Mend()
    {
        var dropped = Do("nft", "list", "table", "inet", _table).Split(' ').SkipWhile(word => word != "packets").Skip(1).FirstOrDefault();
        Do("nft", "delete", "table", "inet", _table);
        if (dropped is null or "0")
        {
            throw new InvalidOperationException("The network was cut, but no packet has been dropped: the fault hit no process.");
        }
    }

    public void Dispose()
    {
        // where it is still cut
        using (Process.Start(new ProcessStartInfo("nft", ["delete", "table", "inet", _table]) { RedirectStandardError = true }))
        {
        }
        Do("ip", "link", "del", _link);
        Do("ip", "netns", "del", Name);
    }

    private static bool Exists(string command) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/sbin").Append("/sbin").Any(
            folder => File.Exists(Path.Combine(folder, command)));

    private static string Do(string command, params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEnd(), process.StandardError.ReadToEnd());
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException(
                $"{command} {string.Join(' ', arguments)} failed, which the fault network-pause needs: {errors.Trim()}");
    }
}
