using System.Collections;
using Dass.Grid.Cluster.Tests.Support;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Dass.Grid.Cluster.Tests.Fuzz;

/// <summary>Messages of any type, built from its descriptor: from what a client might well send to what only an enemy would.</summary>
internal sealed class RandomMessages(Random random)
{
    private const int MaxDepth = 6;
    private const int LongText = 20_000; // characters
    private const int ManyEntries = 20_000;

    private static readonly string[] Streams = [.. Enumerable.Range(0, 12).Select(i => $"f{i}"), ""];
    private static readonly string[] Models = ["tiny", "tiny", "tiny", "other", "a0", "default", ""];
    private static readonly string[] Names = ["t0", "t1", "t2", "t3", "a0", "a1", "default"];
    private static readonly string[] Labels = ["Speech", "/m/09x0r", "dog", "Rain", "Dog"];

    private static readonly string[] Oddities =
    [
        "", "/", "a/b", "../../etc/passwd", "ключ", "日本語", "👂🏽", "\0", "\r\n", "a\u0301", "\u202egnp", "%00%s%n", "\ufeff", "'\"`", "f0 ",
        "-1", "0-0", "NaN",
        "9223372036854775807-2147483647", new('x', 129), new('~', 65), string.Concat(Enumerable.Repeat("👂", 100)),
    ];

    private static readonly long[] Integers =
    [
        0, 1, -1, 2, 31, 1_000, 1_001, int.MaxValue, int.MinValue, 1L << 53, long.MaxValue, long.MinValue, long.MaxValue - 1,
    ];

    private static readonly double[] Numbers =
        [
            0, -0.0, 1, 0.5, -1, 1.0000001, double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.Epsilon, double.MaxValue,
            1e9, -1e-30,
        ];

    /// <param name="type">What is wanted.</param>
    /// <param name="sane">Share of the fields that are as they should be, 0 to 1.</param>
    /// <param name="depth">Of the nesting.</param>
    public IMessage Next(MessageDescriptor type, double sane, int depth = 0)
    {
        var message = (IMessage)Activator.CreateInstance(type.ClrType)!;
        foreach (var field in type.Fields.InFieldNumberOrder())
        {
            if (random.NextDouble() < Presence(field, sane) && (field.FieldType != FieldType.Message || depth < MaxDepth))
            {
                Set(message, field, sane, depth);
            }
        }
        return message;
    }

    public T Pick<T>(IReadOnlyList<T> among) => among[random.Next(among.Count)];

    private double Presence(FieldDescriptor field, double sane) => random.NextDouble() >= sane ? 0.5 : field.Name switch
    {
        "stream_id" or "format" or "encoding" or "sample_rate_hz" or "channels" or "data" or "audio" or "name" or "seconds" or "nanos" =>
            0.97,
        "stream_ids" or "prefix" or "all_streams" => 0.1,
        "oldest_sample" or "switch_model" or "first_sample" or "chunk" or "look_ahead" or "disabled" or "capture_time" or "page_token" =>
            0.15,
        _ => 0.4,
    };

    private void Set(IMessage message, FieldDescriptor field, double sane, int depth)
    {
        if (field.IsMap)
        {
            var (key, value) = (field.MessageType.Fields[1], field.MessageType.Fields[2]);
            var map = (IDictionary)field.Accessor.GetValue(message);
            for (var i = random.Next(4); i > 0; i--)
            {
                map[Value(key, sane, depth)] = Value(value, sane, depth);
            }
        }
        else if (field.IsRepeated)
        {
            var list = (IList)field.Accessor.GetValue(message);
            var huge = random.NextDouble() > sane && random.Next(200) == 0;
            var value = Value(field, sane, depth + 1);
            for (var count = huge ? ManyEntries : random.Next(4); count > 0; count--)
            {
                list.Add(huge && value is not string { Length: > 16 } ? value : Value(field, sane, depth + 1));
            }
        }
        else
        {
            field.Accessor.SetValue(message, Value(field, sane, depth));
        }
    }

    private object Value(FieldDescriptor field, double sane, int depth) =>
        (random.NextDouble() < sane ? Sane(field) : null) ?? field.FieldType switch
    {
        FieldType.Bool => random.Next(2) == 0,
        FieldType.Int32 => (int)Pick(Integers),
        FieldType.Int64 => Pick(Integers),
        FieldType.Float => (float)Pick(Numbers),
        FieldType.Double => Pick(Numbers),
        FieldType.Enum => Enum.ToObject(field.EnumType.ClrType, random.NextDouble() < sane ? random.Next(7) : (int)Pick(Integers)),
        FieldType.String => random.Next(40) == 0 ? string.Concat(Enumerable.Repeat(Pick(Oddities) + "é", LongText / 8)) : Pick(Oddities),
        FieldType.Bytes => Noise(random.Next(50) == 0 ? 100_000 : random.Next(600)),
        FieldType.Message => Next(field.MessageType, sane, depth + 1),
        _ => throw new NotSupportedException($"{field.FullName} is of type {field.FieldType}; say how it is made."),
    };

    /// <summary>A value as the field's rules want it; null: any is.</summary>
    private object? Sane(FieldDescriptor field) => (field.FieldType, field.Name) switch
    {
        (FieldType.String, "stream_id" or "stream_ids" or "key") => Pick(Streams),
        (FieldType.String, "prefix") => "f",
        (FieldType.String, "model" or "models") => Pick(Models),
        (FieldType.String, "name" or "tenant") => Pick(Names),
        (FieldType.String, "label" or "labels") => Pick(Labels),
        (FieldType.String, "directory") => random.Next(20) == 0 ? TestGrid.TinyModel : "/nowhere",
        (FieldType.String, "page_token") => "",
        (FieldType.Int32, "sample_rate_hz") => random.Next(3) > 0 ? 16_000 : Pick([8_000, 44_100, 192_000]),
        (FieldType.Int32, "channels") => random.Next(4) > 0 ? 1 : random.Next(1, 9),
        (FieldType.Int32, "nanos") => random.Next(4) > 0 ? 0 : 320_000_000,
        (FieldType.Int64, "seconds") => field.ContainingType.Name == "Timestamp" ? 1_790_000_000L + random.Next(100_000) : 0L,
        (FieldType.Int32, _) => random.Next(1, 5),
        (FieldType.Int64, _) => (long)random.Next(20),
        (FieldType.Float, _) => (float)random.NextDouble(),
        (FieldType.Double, _) => 1 + 10 * random.NextDouble(),
        (FieldType.Enum, _) => Enum.ToObject(field.EnumType.ClrType, random.Next(4) > 0 ? 1 : random.Next(7)),
        (FieldType.Bytes, _) => ByteString.CopyFrom(Babble.Slice(random.Next(100_000), 8 * random.Next(1, 1_500)).Span),
        (FieldType.Bool, "disabled") => false,
        _ => null,
    };

    private ByteString Noise(int bytes)
    {
        var noise = new byte[bytes];
        random.NextBytes(noise);
        return ByteString.CopyFrom(noise);
    }
}
