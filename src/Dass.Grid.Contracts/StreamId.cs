namespace Dass.Grid.Contracts;

/// <summary>A stream and the tenant that it belongs to: the key of its grain. Equal ids of two tenants are two streams.</summary>
/// <param name="Tenant">1 to 64 characters of <see cref="Alphabet"/>.</param>
/// <param name="Name">1 to 128 characters of <see cref="Alphabet"/>.</param>
public readonly record struct StreamId(string Tenant, string Name)
{
    /// <summary>The one tenant of a grid without keys.</summary>
    public const string KeylessTenant = "default";

    public const int MaxTenantLength = 64;
    public const int MaxNameLength = 128;

    /// <summary>
    /// RFC 3986's unreserved characters: safe in keys, paths and logs. The slash between tenant and name is not among them.
    /// </summary>
    public const string Alphabet = "A-Z a-z 0-9 . _ ~ -";

    /// <summary>The grain key: tenant/name.</summary>
    public override string ToString() => $"{Tenant}/{Name}";

    /// <summary>The id whose <see cref="ToString"/> is <paramref name="key"/>.</summary>
    public static StreamId Parse(string key)
    {
        var slash = key.IndexOf('/');
        return slash > 0
            ? new StreamId(key[..slash], key[(slash + 1)..])
            : throw new FormatException($"Stream key '{key}' is not tenant/name.");
    }

    public static bool IsName(string text) => IsWord(text, MaxNameLength);

    public static bool IsTenant(string text) => IsWord(text, MaxTenantLength);

    private static bool IsWord(string text, int maxLength) =>
        text.Length >= 1 && text.Length <= maxLength && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '~' or '-');
}
