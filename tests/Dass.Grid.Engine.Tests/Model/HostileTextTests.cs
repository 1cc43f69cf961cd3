using System.Text;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>JSON may hold text that no string can: half a surrogate pair, or bytes that are not UTF-8.</summary>
public class HostileTextTests
{
    private const string Index = "model.safetensors.index.json";

    [Theory]
    [InlineData("config.json", """{"model_type":"\ud800"}""", "model_type holds")]
    [InlineData("config.json", """{"model_type":"dass","dims":"\udc00\ud800"}""", "dims holds")]
    [InlineData("config.json", """{"model_type":"dass","id2label":{"0":"a","1":"\ud800"}}""", "id2label.1 holds")]
    [InlineData("config.json", """{"architectures":["DASS","\ud800"]}""", "architectures holds")]
    [InlineData("config.json", """{"\ud800":1}""", "a name holds")]
    [InlineData("config.json", """{"id2label":{"\ud800":"a"}}""", "a name in id2label holds")]
    [InlineData("config.json", "{\"model_type\":\"\u00ff\"}", "model_type holds")]
    [InlineData("preprocessor_config.json", """{"\ud800":16000}""", "a name holds")]
    [InlineData("preprocessor_config.json", """{"feature_extractor_type":"\ud800"}""", "feature_extractor_type holds")]
    [InlineData(Index, """{"weight_map":{"head.bias":"\ud800.safetensors"}}""", "weight_map.head.bias holds")]
    [InlineData(Index, """{"weight_map":{"\ud800":"a.safetensors"}}""", "a name in weight_map holds")]
    public void Text_that_is_not_Unicode_is_refused_with_its_file_and_field(string file, string json, string field)
    {
        using var folder = new ModelFolder().With(ModelFolder.Config).With(file, Encoding.Latin1.GetBytes(json));
        var error = folder.LoadError();
        Assert.Contains(Path.Combine(folder.Path, file), error);
        Assert.Contains($"{field} text that is not Unicode", error);
    }

    [Fact]
    public void A_million_names_below_a_long_one_are_read_in_no_time()
    {
        var names = string.Join(",", Enumerable.Repeat("\"\":1", 1_000_000));
        var json = "{\"" + new string('a', 8_000_000) + "\":{" + names + "}}";
        using var folder = new ModelFolder().With("config.json", Encoding.UTF8.GetBytes(json));
        Assert.Contains("model_type is missing", folder.LoadError());
    }

    [Fact]
    public void Names_and_values_of_a_file_are_shown_short_and_without_control_characters()
    {
        var long_ = "\u001b[2J" + new string('x', 1_000);
        using var config = new ModelFolder().With(new Dictionary<string, object>(ModelFolder.Config) { ["model_type"] = long_ });
        AssertTame(config.LoadError());
        using var weights = new ModelFolder().With(ModelFolder.Config).With(
            "model.safetensors",
            ModelFolder.Safetensors(ModelFolder.Tensors().Append(new(long_, new ModelFolder.Tensor("F32", [1], [1])))));
        AssertTame(weights.LoadError());

        static void AssertTame(string error)
        {
            Assert.Contains("\\u001B[2Jx", error, StringComparison.Ordinal);
            Assert.DoesNotContain('\u001b', error);
            Assert.DoesNotContain(new string('x', 100), error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""a\u0000.safetensors""", """a\u0000.safetensors""")]
    [InlineData("""\u001b[2Ja.safetensors""", """\u001B[2Ja.safetensors""")]
    [InlineData("../a.safetensors", "../a.safetensors")]
    [InlineData("..", "..")]
    [InlineData("sub/a.safetensors", "sub/a.safetensors")]
    [InlineData("/etc/a.safetensors", "/etc/a.safetensors")]
    [InlineData("""..\\a.safetensors""", """..\\a.safetensors""")]
    [InlineData("c:a.safetensors", "c:a.safetensors")]
    [InlineData("a.bin", "a.bin")]
    [InlineData("", "")]
    public void A_shard_that_is_not_a_plain_file_name_is_refused_and_shown_without_control_characters(string shard, string shown)
    {
        using var folder = new ModelFolder().With(ModelFolder.Config)
            .With(Index, Encoding.UTF8.GetBytes($$$"""{"weight_map":{"head.bias":"{{{shard}}}"}}"""));
        Assert.Contains($"'{shown}' must be the plain name of a .safetensors file", folder.LoadError());
    }

    [Theory]
    [InlineData("[]", "must hold a JSON object")]
    [InlineData("{", "is not JSON")]
    [InlineData("{}", "has no weight_map")]
    [InlineData("""{"weight_map":[]}""", "has no weight_map")]
    [InlineData("""{"weight_map":{}}""", "names 0 shards")]
    [InlineData("""{"weight_map":{"head.bias":5}}""", "'5' must be the plain name")]
    [InlineData("""{"weight_map":{"head.bias":null}}""", "'null' must be the plain name")]
    public void A_broken_index_is_refused(string json, string message)
    {
        using var folder = new ModelFolder().With(ModelFolder.Config).With(Index, Encoding.UTF8.GetBytes(json));
        Assert.Contains(message, folder.LoadError());
    }
}
