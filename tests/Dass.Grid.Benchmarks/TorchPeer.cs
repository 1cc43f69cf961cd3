using System.ComponentModel;
using System.Diagnostics;
using System.Text.Json;

namespace Dass.Grid.Benchmarks;

/// <summary>
/// The published form of DASS on PyTorch, a window at every hop: <c>src/training/dass_training/peer.py</c>, a copy of which lies beside the
/// benchmarks, in a process of its own.
/// </summary>
internal static class TorchPeer
{
    private const string Python = "/usr/bin/python3";

    /// <param name="folder">A checkpoint.</param>
    /// <returns>A row for each kind of scan; none, with a line on standard error, where PyTorch or gcc is missing.</returns>
    public static IEnumerable<LayersBenchmark.Peer> Run(string folder)
    {
        if (Output("-c", "import shutil, sys, torch; sys.exit(shutil.which('gcc') is None)") is null)
        {
            Console.Error.WriteLine("The peer on PyTorch is left out. It needs Debian's packages: python3-torch gcc libc6-dev.");
            return [];
        }
        var output = Output("-m", "dass_training.peer", "--model", folder)
            ?? throw new InvalidOperationException("The peer on PyTorch failed; standard error says why.");
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(
            line =>
            {
                var peer = JsonDocument.Parse(line).RootElement;
                var scan = peer.GetProperty("scan").GetString() == "kernel"
                    ? "with the recipe's C kernel" : "scan as published for the CPU";
                return new LayersBenchmark.Peer(
                    $"a window of 10.24 s again at every hop, published form on PyTorch, {scan}, batch {peer.GetProperty("batch")}",
                    "fp32", peer.GetProperty("streams_per_core").GetDouble());
            });
    }

    /// <summary>What Python writes, or null if it fails.</summary>
    private static string? Output(params string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true };
        start.Environment["PYTHONPATH"] = Path.Combine(AppContext.BaseDirectory, "training");
        start.Environment["OMP_NUM_THREADS"] = start.Environment["OPENBLAS_NUM_THREADS"] = "1"; // a core
        // As src/training/run has it: the kernel does not zero the pages of large tensors again and again.
        start.Environment["MALLOC_MMAP_MAX_"] = "0";
        start.Environment["MALLOC_TRIM_THRESHOLD_"] = "8000000000";
        start.Environment["MALLOC_TOP_PAD_"] = "268435456";
        start.Environment["MALLOC_ARENA_MAX"] = "1";
        try
        {
            using var python = Process.Start(start)!;
            var output = python.StandardOutput.ReadToEnd();
            python.WaitForExit();
            return python.ExitCode == 0 ? output : null;
        }
        catch (Win32Exception) // there is no Python
        {
            return null;
        }
    }
}
