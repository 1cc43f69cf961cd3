using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tests.Model;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public static TheoryData<byte[], string> Hostile => new()
    {
        { [], "it has 0 bytes" },
        { new byte[7], "it has 7 bytes" },
        { [255, 255, 255, 255, 255, 255, 255, 255], "header claims 18446744073709551615 bytes" },
        { [0, 0, 0, 0, 0, 0, 0, 128, 1], "header claims 9223372036854775808 bytes" },
        { [100, 0, 0, 0, 0, 0, 0, 0, 1], "header claims 100 bytes" },
        { ModelFolder.Raw("not json", []), "header is not what the format asks for" },
        { ModelFolder.Raw("[]", []), "header is not what the format asks for" },
        { ModelFolder.Raw("""{"a":{}}""", []), "header is not what the format asks for" },
        { Entry("F32", "[1]", "[0,4]", twice: true), "'a' is there twice" },
        {
            ModelFolder.Raw(
                """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""",
                new byte[6]),
            "overlap"
        },
        { Entry("F32", "[1]", "[4,8]"), "lies at bytes 4 to 8 of 4" },
        { Entry("F32", "[1]", "[-4,0]"), "lies at bytes -4 to 0" },
        { Entry("F32", "[1]", "[4,0]"), "lies at bytes 4 to 0" },
        { Entry("F32", "[2]", "[0,4]"), "need 8" },
        { Entry("F32", "[4611686018427387904,4]", "[0,4]"), "shape" },
        { Entry("F32", "[65536,65536]", "[0,4]"), "shape" },
        { Entry("F32", "[0]", "[0,0]"), "at least 1" },
        { Entry("F32", "[-1]", "[0,4]"), "at least 1" },
        { Entry("I64", "[1]", "[0,8]"), "dtype I64" },
        { Entry("0", "[1]", "[0,4]"), "dtype 0" },
        { Entry("F32", "[1]", "[0]"), "must be begin and end" },
    };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void A_hostile_file_is_refused_with_the_rule(byte[] file, string rule)
    {
        File.WriteAllBytes(_path, file);
        var error = Assert.Throws<ModelLoadException>(() => SafetensorsFile.Open(_path)).Message;
        Assert.Contains(rule, error);
        Assert.Contains(_path, error);
    }

    [Fact]
    public void No_mutation_of_a_file_does_anything_but_read_or_refuse()
    {
        var good = ModelFolder.Safetensors(
            new Dictionary<string, ModelFolder.Tensor> { ["a"] = new("F32", [2, 2], [1, 2, 3, 4]), ["b"] = new("F16", [3], [1, 2, 3]) });
        var random = new Random(23);
        for (var i = 0; i < 3000; i++)
        {
            var file = good.ToArray();
            for (var flips = random.Next(1, 4); flips > 0; flips--)
            {
                file[random.Next(file.Length)] = (byte)random.Next(256);
            }
            File.WriteAllBytes(_path, file[..random.Next(file.Length / 2, file.Length + 1)]);
            try
            {
                using var tensors = SafetensorsFile.Open(_path);
                Assert.All(tensors.Entries.Values, entry => tensors.Read(entry));
            }
            catch (ModelLoadException)
            {
            }
        }
    }

    public void Dispose() => File.Delete(_path);

    private static byte[] Entry(string type, string shape, string offsets, bool twice = false)
    {
        var entry = $$"""
            "a":{"dtype":"{{type}}","shape":{{shape}},"data_offsets":{{offsets}}}
            """;
        return ModelFolder.Raw($"{{{entry}{(twice ? "," + entry : "")}}}", new byte[4]);
    }
}
