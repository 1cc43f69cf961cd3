using System.IO.Compression;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Dass.Grid.Gateway.Web;

/// <summary>
/// The console: a page of plain modules, embedded in this assembly as they are in <c>Web/Console</c>. It loads nothing from elsewhere and
/// needs no key to be read; what it shows comes from the calls that all clients have.
/// </summary>
internal static class ConsoleFiles
{
    private const string Prefix = "console/";
    private const string Front = "index.html";

    /// <summary>Nothing but the gateway's own files runs in the page, and no other page may frame it.</summary>
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    private static readonly Dictionary<string, ConsoleFile> Files = Load().ToDictionary(file => file.Name, StringComparer.Ordinal);

    /// <summary>What a browser loads to show the page, in bytes as they are sent.</summary>
    public static int CompressedBytes => Files.Values.Sum(file => file.Compressed.Length);

    public static async Task AnswerAsync(HttpContext http)
    {
        if (!Files.TryGetValue(http.GetRouteValue("file") as string ?? Front, out var file))
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers["Permissions-Policy"] = "microphone=(self), camera=(), geolocation=()";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-cache"; // another version of the gateway has another page: the browser asks, and 304 costs nothing
        headers.ETag = file.Tag;
        headers.Vary = "Accept-Encoding";
        if (http.Request.Headers.IfNoneMatch.Contains(file.Tag))
        {
            http.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        var takesBrotli = http.Request.GetTypedHeaders().AcceptEncoding.Any(
            coding => coding.Value.Equals("br", StringComparison.OrdinalIgnoreCase) && coding.Quality != 0);
        var bytes = takesBrotli ? file.Compressed : file.Plain;
        if (takesBrotli)
        {
            headers.ContentEncoding = "br";
        }
        http.Response.ContentType = file.MediaType;
        http.Response.ContentLength = bytes.Length;
        await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
    }

    private static IEnumerable<ConsoleFile> Load()
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            using var resource = assembly.GetManifestResourceStream(name)!;
            var (plain, compressed) = (new byte[resource.Length], new MemoryStream());
            resource.ReadExactly(plain);
            using (var brotli = new BrotliStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
            {
                brotli.Write(plain);
            }
            var mediaType = Path.GetExtension(name) switch
            {
                ".html" => "text/html; charset=utf-8",
                ".css" => "text/css; charset=utf-8",
                ".js" => "text/javascript; charset=utf-8",
                ".svg" => "image/svg+xml",
                var other => throw new InvalidOperationException($"The console has a file of an unknown kind: {other}"),
            };
            var tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(plain).AsSpan(0, 12))}\"";
            yield return new ConsoleFile(name[Prefix.Length..], mediaType, tag, plain, compressed.ToArray());
        }
    }

    private sealed record ConsoleFile(string Name, string MediaType, string Tag, byte[] Plain, byte[] Compressed);
}
