using System.Runtime.InteropServices;
using Dass.Grid.Engine.Audio;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>What a clip holds, of a source of 16-bit samples.</summary>
internal static class ClipSamples
{
    public static async Task<short[]> ReadAsync(string file)
    {
        await using var source = await AudioFile.OpenAsync(file, CancellationToken.None);
        using var audio = new MemoryStream();
        var buffer = new byte[64_000];
        while (await source.ReadAsync(buffer, CancellationToken.None) is > 0 and var read)
        {
            audio.Write(buffer, 0, read);
        }
        return source.Format.Encoding == SampleEncoding.Float32 // what ffmpeg decodes
            ? [.. MemoryMarshal.Cast<byte, float>(audio.ToArray()).ToArray().Select(sample => (short)Math.Round(sample * 32_768))]
            : MemoryMarshal.Cast<byte, short>(audio.ToArray()).ToArray();
    }
}
