using System.Text.Json;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>Weights in two shards with an index, each test with another mistake.</summary>
public sealed class ShardTests : IDisposable
{
    private const string First = "model-1.safetensors", Second = "model-2.safetensors";

    private readonly ModelFolder _folder = new ModelFolder().With(ModelFolder.Config);
    private readonly Dictionary<string, ModelFolder.Tensor> _first;
    private readonly Dictionary<string, ModelFolder.Tensor> _second;
    private readonly Dictionary<string, string> _index;

    public ShardTests()
    {
        var tensors = ModelFolder.Tensors();
        _first = tensors.Take(40).ToDictionary();
        _second = tensors.Skip(40).ToDictionary();
        _index = tensors.Keys.ToDictionary(name => name, name => _first.ContainsKey(name) ? First : Second);
    }

    [Fact]
    public void Shards_load_to_the_same_model_as_one_file()
    {
        using var whole = ModelFolder.Golden();
        Assert.Equal(whole.Load().Hash, Write().Load().Hash);
    }

    [Fact]
    public void A_shard_that_is_missing_is_named()
    {
        File.Delete(Path.Combine(Write().Path, Second));
        var error = _folder.LoadError();
        Assert.Contains(Second, error);
        Assert.Contains("cannot be read", error);
    }

    [Fact]
    public void A_tensor_that_lies_in_another_shard_than_the_index_says_is_refused()
    {
        _index["head.bias"] = First;
        var error = Write().LoadError();
        Assert.Contains($"head.bias is not in {First}, where the index puts it", error);
        Assert.Contains($"head.bias is in {Second}, where the index does not put it", error);
        Assert.Contains("2 problems", error);
    }

    [Fact]
    public void A_tensor_that_no_shard_has_is_refused()
    {
        _index["head.extra"] = First;
        Assert.Contains($"(1 problems): head.extra is not in {First}, where the index puts it", Write().LoadError());
    }

    [Fact]
    public void A_tensor_that_the_index_lacks_is_refused()
    {
        _index.Remove("head.bias");
        Assert.Contains($"(1 problems): head.bias is in {Second}, where the index does not put it", Write().LoadError());
    }

    [Fact]
    public void A_tensor_in_two_shards_is_refused()
    {
        _first["head.bias"] = _second["head.bias"];
        Assert.Contains("head.bias is there twice", Write().LoadError());
    }

    [Fact]
    public void A_tensor_that_the_index_names_twice_is_refused()
    {
        var json = JsonSerializer.Serialize(_index);
        Write().With(
            "model.safetensors.index.json",
            System.Text.Encoding.UTF8.GetBytes($$"""{"weight_map":{"head.bias":"{{First}}",{{json[1..]}}}"""));
        Assert.Contains($"(1 problems): head.bias is not in {First}, where the index puts it", _folder.LoadError());
    }

    public void Dispose() => _folder.Dispose();

    private ModelFolder Write() => _folder.With(First, ModelFolder.Safetensors(_first)).With(Second, ModelFolder.Safetensors(_second))
        .With("model.safetensors.index.json", JsonSerializer.SerializeToUtf8Bytes(new { weight_map = _index }));
}
