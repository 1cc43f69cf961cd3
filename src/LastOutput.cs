using System.Text;

namespace Dass.Grid;

/// <summary>What a child process wrote last. Linked into the projects that run ffmpeg.</summary>
internal static class LastOutput
{
    /// <summary>Reads to the end, so that the child never blocks on a full pipe, and keeps the last of it.</summary>
    /// <param name="reader">Of the child's output.</param>
    /// <param name="characters">That are kept.</param>
    public static async Task<string> OfAsync(StreamReader reader, int characters)
    {
        var last = new StringBuilder();
        var buffer = new char[1024];
        int read;
        while ((read = await reader.ReadAsync(buffer).ConfigureAwait(false)) > 0)
        {
            last.Append(buffer, 0, read);
            last.Remove(0, Math.Max(0, last.Length - characters));
        }
        return last.ToString();
    }
}
