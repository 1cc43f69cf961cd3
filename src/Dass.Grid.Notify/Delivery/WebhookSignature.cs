using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Dass.Grid.Notify.Delivery;

/// <summary>Signatures of Standard Webhooks: HMAC-SHA256 of id, time and body, in a header as <c>v1,…</c>.</summary>
internal static class WebhookSignature
{
    /// <summary>One signature for each key, separated by blanks.</summary>
    public static string Sign(IReadOnlyList<byte[]> keys, string id, DateTimeOffset time, byte[] body)
    {
        byte[] content =
        [
            .. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{time.ToUnixTimeSeconds()}.")), .. body,
        ];
        return string.Join(' ', keys.Select(key => $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, content))}"));
    }
}
