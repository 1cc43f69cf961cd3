using System.Security.Cryptography;
using System.Text;

namespace Dass.Grid.Gateway.Tenants;

/// <summary>An API key as configuration keeps it: <c>sha256:&lt;salt, hex&gt;:&lt;SHA-256 of salt and UTF-8 key, hex&gt;</c>.</summary>
/// <remarks>Keys are random and long, so one round of a plain hash is enough: there is nothing to guess from a dictionary.</remarks>
public sealed class KeyHash
{
    /// <summary>Shorter keys are refused when hashed.</summary>
    public const int MinKeyLength = 16;

    private const string Scheme = "sha256";
    private const int SaltBytes = 16;

    private readonly byte[] _salt;
    private readonly byte[] _hash;

    private KeyHash(byte[] salt, byte[] hash) => (_salt, _hash) = (salt, hash);

    /// <summary>Hashes a key with a fresh salt.</summary>
    /// <exception cref="ArgumentException">The key is shorter than <see cref="MinKeyLength"/>.</exception>
    public static KeyHash Create(string key)
    {
        if (key.Length < MinKeyLength)
        {
            throw new ArgumentException($"The key has {key.Length} characters; at least {MinKeyLength} are needed.", nameof(key));
        }
        var salt = RandomNumberGenerator.GetBytes(SaltBytes);
        return new KeyHash(salt, Digest(salt, key));
    }

    /// <summary>Null when the text is not of the documented form.</summary>
    public static KeyHash? Parse(string text)
    {
        var parts = text.Split(':');
        if (parts is not [Scheme, { Length: >= 2 * SaltBytes and <= 128 } salt, { Length: 2 * SHA256.HashSizeInBytes } hash])
        {
            return null;
        }
        try
        {
            return new KeyHash(Convert.FromHexString(salt), Convert.FromHexString(hash));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Takes the same time for a nearly right key as for a wrong one.</summary>
    public bool Matches(string key) => CryptographicOperations.FixedTimeEquals(Digest(_salt, key), _hash);

    public override string ToString() => $"{Scheme}:{Convert.ToHexStringLower(_salt)}:{Convert.ToHexStringLower(_hash)}";

    private static byte[] Digest(byte[] salt, string key) => SHA256.HashData([.. salt, .. Encoding.UTF8.GetBytes(key)]);
}
