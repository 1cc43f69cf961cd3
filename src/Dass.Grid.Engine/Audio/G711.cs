namespace Dass.Grid.Engine.Audio;

/// <summary>The logarithmic 8-bit encodings of telephony (ITU-T G.711), decoded by table to −1 … 1.</summary>
internal static class G711
{
    public static readonly float[] ALaw = [.. Enumerable.Range(0, 256).Select(code => DecodeALaw((byte)code) / 32768f)];

    public static readonly float[] MuLaw = [.. Enumerable.Range(0, 256).Select(code => DecodeMuLaw((byte)code) / 32768f)];

    /// <summary>13 bits, left-aligned in 16. Even bits of the code are inverted on the wire.</summary>
    private static int DecodeALaw(byte code)
    {
        var value = code ^ 0x55;
        int exponent = (value >> 4) & 7, mantissa = value & 15;
        var magnitude = exponent == 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1);
        return (value & 0x80) != 0 ? magnitude : -magnitude;
    }

    /// <summary>14 bits, left-aligned in 16. All bits of the code are inverted on the wire.</summary>
    private static int DecodeMuLaw(byte code)
    {
        const int Bias = 0x84;
        var value = ~code & 0xFF;
        var magnitude = ((((value & 15) << 3) + Bias) << ((value >> 4) & 7)) - Bias;
        return (value & 0x80) != 0 ? -magnitude : magnitude;
    }
}
