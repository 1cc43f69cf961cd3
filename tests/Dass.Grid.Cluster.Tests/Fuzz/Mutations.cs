namespace Dass.Grid.Cluster.Tests.Fuzz;

/// <summary>What becomes of a message's bytes on their way through a broken or malicious client.</summary>
internal static class Mutations
{
    private const byte StartGroup = 0x0B; // of field 1

    public static byte[] Mutate(this byte[] message, Random random)
    {
        for (var times = random.Next(1, 4); times > 0; times--)
        {
            message = Once(message, random);
        }
        return message;
    }

    private static byte[] Once(byte[] bytes, Random random)
    {
        var (from, to) = (random.Next(bytes.Length + 1), random.Next(bytes.Length + 1));
        (from, to) = (Math.Min(from, to), Math.Max(from, to));
        switch (random.Next(10))
        {
            case 0: // flipped bits
                byte[] flipped = [.. bytes];
                for (var i = 0; i < Math.Min(4, flipped.Length); i++)
                {
                    flipped[random.Next(flipped.Length)] ^= (byte)(1 << random.Next(8));
                }
                return flipped;
            case 1: // cut off
                return bytes[..from];
            case 2: // a piece is missing
                return [.. bytes[..from], .. bytes[to..]];
            case 3: // a piece comes twice: both members of a oneof, a field twice
                return [.. bytes, .. bytes[from..to], .. bytes];
            case 4: // noise inside
                return [.. bytes[..from], .. Noise(random, 16), .. bytes[from..]];
            case 5: // a length that promises more than there is
                return [.. bytes[..from], 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, .. bytes[from..]];
            case 6: // a varint that never ends
                return [.. bytes[..from], 0x08, .. Enumerable.Repeat((byte)0xFF, 12), .. bytes[from..]];
            case 7: // groups in groups
                return [.. bytes, .. Enumerable.Repeat(StartGroup, random.Next(1, 20_000))];
            case 8: // unknown fields
                return [.. bytes, 0xFA, 0x7F, 0x03, .. "abc"u8, 0xF8, 0x7F, 0x01];
            default: // nothing but noise
                return Noise(random, 64);
        }
    }

    private static byte[] Noise(Random random, int most)
    {
        var noise = new byte[random.Next(1, most)];
        random.NextBytes(noise);
        return noise;
    }
}
