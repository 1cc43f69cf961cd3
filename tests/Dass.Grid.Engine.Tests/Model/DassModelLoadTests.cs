using System.Text;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tests.Model;

public class DassModelLoadTests
{
    [Fact]
    public void The_weights_by_rule_are_the_shipped_checkpoint()
    {
        using var golden = new Golden("tiny/model.safetensors");
        Assert.Equal(golden.Names.Order(), TensorNames.For(GoldenWeights.Tiny.Config).Select(tensor => tensor.Name).Order());
        Assert.All(golden.Names, name => Golden.AssertClose(golden[name], GoldenWeights.Tiny.Tensor(name), 2e-7, name));
    }

    [Fact]
    public void The_built_in_model_knows_its_sounds_and_says_how_few_they_are()
    {
        var model = DassModel.LoadBuiltIn();
        Assert.Equal("built-in", model.Name);
        Assert.Contains($"{model.Labels.Offered.Count()} sounds", model.Note);
        Assert.InRange(model.Labels.Offered.Count(), 18, 526);
        Assert.All(model.Labels.All, label => Assert.Equal(AudioSetLabels.All.Find(label.Name)!.Id, label.Id));
    }

    [Theory]
    [InlineData(2, 2, 8, 2, 29_884_463L)]
    [InlineData(2, 2, 20, 2, 48_648_239L)]
    public void The_published_architectures_have_the_published_size(int a, int b, int c, int d, long parameters)
    {
        var config = new DassConfig { Dims = [96, 192, 384, 768], Depths = [a, b, c, d], LabelCount = 527 };
        Assert.Equal(parameters, TensorNames.For(config).Sum(tensor => tensor.Shape.Aggregate(1L, (product, n) => product * n)));
        Assert.Equal(c == 8 ? 276 : 492, TensorNames.For(config).Count());
    }

    [Fact]
    public void Weights_that_take_more_than_half_of_the_memory_are_refused_before_they_are_read()
    {
        int[] dims = [4096, 4096, 4096, 4096], depths = [64, 64, 64, 64];
        var (header, length) = (new Dictionary<string, object>(), 0L);
        foreach (var (name, shape) in TensorNames.For(new DassConfig { Dims = [.. dims], Depths = [.. depths], LabelCount = 527 }))
        {
            var begin = length;
            length += 2 * shape.Aggregate(1L, (product, n) => product * n);
            header.Add(name, new { dtype = "F16", shape, data_offsets = new[] { begin, length } });
        }
        using var folder = new ModelFolder().With(
            new Dictionary<string, object>(ModelFolder.Config) { ["embed_dim"] = dims[0], ["dims"] = dims, ["depths"] = depths });
        var start = ModelFolder.Raw(System.Text.Json.JsonSerializer.Serialize(header), []);
        using (var sparse = File.Create(Path.Combine(folder.Path, "model.safetensors")))
        {
            sparse.Write(start);
            sparse.SetLength(start.Length + length); // 90 GB that take no disk
        }
        Assert.Contains("a half of this process's memory is", folder.LoadError());
    }

    [Theory]
    [InlineData("F16", 1e-3)]
    [InlineData("BF16", 1e-2)]
    public void Half_precision_weights_are_other_weights(string type, double tolerance)
    {
        using ModelFolder plain = ModelFolder.Golden(), folder = new ModelFolder().With(ModelFolder.Config)
            .With(
                "model.safetensors",
                ModelFolder.Safetensors(ModelFolder.Tensors().ToDictionary(pair => pair.Key, pair => pair.Value with { Type = type })));
        DassModel full = plain.Load(), half = folder.Load();
        Golden.AssertClose(full.Tensor("head.weight"), half.Tensor("head.weight"), tolerance);
        Assert.NotEqual(full.Hash, half.Hash);
    }

    [Fact]
    public void The_original_names_of_the_training_code_give_the_same_model()
    {
        using ModelFolder plain = ModelFolder.Golden(), original = new ModelFolder().With(ModelFolder.Config).With(
            "model.safetensors",
            ModelFolder.Safetensors(
                ModelFolder.Tensors().ToDictionary(pair => OriginalName(pair.Key), pair => OriginalShape(pair.Key, pair.Value))));
        DassModel expected = plain.Load(), actual = original.Load();
        Assert.Equal(expected.Hash, actual.Hash);
        Assert.All(TensorNames.For(expected.Config), tensor => Assert.Equal(expected.Tensor(tensor.Name), actual.Tensor(tensor.Name)));
    }

    [Fact]
    public void One_changed_weight_changes_the_hash_and_the_order_of_the_tensors_does_not()
    {
        using var plain = ModelFolder.Golden();
        var expected = plain.Load().Hash;
        var tensors = ModelFolder.Tensors();
        using var turned = ModelFolder.Golden().With("model.safetensors", ModelFolder.Safetensors(tensors.Reverse()));
        Assert.Equal(expected, turned.Load().Hash);
        foreach (var name in (string[])["head.bias", "dass.layers.2.blocks.1.op.A_logs", "dass.patch_embeddings.projection.0.weight"])
        {
            var last = tensors[name].Values[^1];
            tensors[name].Values[^1] = MathF.BitIncrement(last);
            using var changed = ModelFolder.Golden().With("model.safetensors", ModelFolder.Safetensors(tensors));
            Assert.NotEqual(expected, changed.Load().Hash);
            tensors[name].Values[^1] = last;
        }
    }

    [Fact]
    public void A_tensor_that_comes_under_both_its_names_is_refused()
    {
        var tensors = ModelFolder.Tensors();
        tensors["module.v.classifier.head.bias"] = tensors["head.bias"];
        using var folder = ModelFolder.Golden().With("model.safetensors", ModelFolder.Safetensors(tensors));
        Assert.Contains("module.v.classifier.head.bias is there twice", folder.LoadError());
    }

    [Fact]
    public void The_preprocessor_sets_the_normalisation_and_id2label_the_names()
    {
        var names = Enumerable.Range(0, 527).ToDictionary(i => i.ToString(), i => i == 3 ? "Dog" : $"sound {i}");
        using var folder = ModelFolder.Golden().With(new(ModelFolder.Config) { ["id2label"] = names })
            .With(new() { ["mean"] = -5.5, ["std"] = 2, ["num_mel_bins"] = 128 }, "preprocessor_config.json");
        var model = folder.Load();
        Assert.Equal((-5.5f, 2f), (model.Config.FeatureMean, model.Config.FeatureStd));
        Assert.Equal(new Label(3, "/m/0bt9lr", "Dog"), model.Labels[3]);
        Assert.Equal(new Label(4, "label/4", "sound 4"), model.Labels[4]);
    }

    [Fact]
    public void Every_problem_with_the_weights_is_in_one_error()
    {
        var tensors = ModelFolder.Tensors();
        tensors.Remove("dass.norm.bias");
        tensors["extra.weight"] = new("F32", [2], [1, 2]);
        tensors["head.bias"] = new("F32", [526], new float[526]);
        tensors["dass.norm.weight"].Values[5] = float.NaN;
        using var folder = ModelFolder.Golden().With("model.safetensors", ModelFolder.Safetensors(tensors));
        var error = folder.LoadError();
        Assert.Contains("dass.norm.bias is missing", error);
        Assert.Contains("extra.weight is not part of this architecture", error);
        Assert.Contains("head.bias has shape [526] instead of [527]", error);
        Assert.Contains("dass.norm.weight holds NaN", error);
        Assert.Contains("4 problems", error);
    }

    public static TheoryData<string, object, string> BrokenConfigs => new()
    {
        { "model_type", "bert", "model_type is bert" },
        { "dims", new[] { 16, 32, 64 }, "dims is [16,32,64]" },
        { "dims", new[] { 16, 32, 64, 2_000_000_000 }, "2000000000" },
        { "depths", new[] { 1, 1, 0, 1 }, "depths is [1,1,0,1]" },
        { "embed_dim", 96, "embed_dim is 96" },
        { "num_classes", 5, "there is no id2label" },
        { "num_classes", -1, "num_classes is -1" },
        { "num_mel_bins", 100, "num_mel_bins is 100" },
        { "id2label", new Dictionary<string, string> { ["0"] = "a", ["1"] = "b" }, "id2label names 2 labels" },
    };

    [Theory]
    [MemberData(nameof(BrokenConfigs))]
    public void A_broken_configuration_is_named_with_its_rule(string field, object value, string message)
    {
        using var folder = ModelFolder.Golden().With(new(ModelFolder.Config) { [field] = value });
        Assert.Contains(message, folder.LoadError());
    }

    [Theory]
    [InlineData("""{"sampling_rate":44100}""", "sampling_rate must be 16000")]
    [InlineData("""{"sampling_rate":"16000"}""", "sampling_rate must be 16000")]
    [InlineData("""{"num_mel_bins":64}""", "num_mel_bins must equal config.json's 128")]
    [InlineData("""{"num_mel_bins":128.5}""", "num_mel_bins must equal config.json's 128")]
    [InlineData("""{"mean":"-4.27"}""", "mean NaN must be finite")]
    [InlineData("""{"mean":[-4.27]}""", "mean NaN must be finite")]
    [InlineData("""{"mean":1e999}""", "must be finite")]
    [InlineData("""{"std":null}""", "std NaN positive")]
    [InlineData("""{"std":0}""", "std 0 positive")]
    [InlineData("""{"std":-4.57}""", "std -4.57 positive")]
    [InlineData("[16000]", "must hold a JSON object")]
    [InlineData("16000", "must hold a JSON object")]
    [InlineData("", "is not JSON")]
    public void A_broken_preprocessor_is_named_with_its_rule(string json, string message)
    {
        using var folder = ModelFolder.Golden().With("preprocessor_config.json", Encoding.UTF8.GetBytes(json));
        var error = folder.LoadError();
        Assert.Contains("preprocessor_config.json", error);
        Assert.Contains(message, error);
    }

    [Fact]
    public void Missing_files_and_pickles_are_refused()
    {
        Assert.Contains("is not a directory", Assert.Throws<ModelLoadException>(() => DassModel.Load("/no/such/model")).Message);
        using var empty = new ModelFolder();
        Assert.Contains("config.json cannot be read", empty.LoadError());
        empty.With("config.json", "{"u8.ToArray());
        Assert.Contains("is not JSON", empty.LoadError());
        empty.With(ModelFolder.Config);
        Assert.Contains("no model.safetensors", empty.LoadError());
        empty.With("model.pth", [0x80, 2]);
        Assert.Contains("save_file", empty.LoadError());
        empty.With("model.safetensors", Encoding.Latin1.GetBytes("PK\u0003\u0004 and so on"));
        Assert.Contains("pickle", empty.LoadError());
        empty.With("model.safetensors", [0x80, 2, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9]);
        Assert.Contains("pickle", empty.LoadError());
        empty.With("model.safetensors", [0x80, 2, 0, 0, 0, 0, 0, 0, .. new byte[700]]); // a header of 640 bytes begins so, too
        Assert.DoesNotContain("pickle", empty.LoadError());
    }

    private static string OriginalName(string name) => "module.v." + name
        .Replace("dass.patch_embeddings.projection.0", "patch_embed.0").Replace("dass.patch_embeddings.projection.1", "patch_embed.2")
        .Replace("dass.patch_embeddings.projection.3", "patch_embed.5").Replace("dass.patch_embeddings.projection.4", "patch_embed.7")
        .Replace("dass.layers", "layers").Replace("downsample.down", "downsample.1").Replace("downsample.norm", "downsample.3")
        .Replace("x_proj.weight", "x_proj_weight").Replace("dt_projs.weight", "dt_projs_weight")
        .Replace("dass.norm", "classifier.norm").Replace("head.", "classifier.head.");

    private static ModelFolder.Tensor OriginalShape(string name, ModelFolder.Tensor tensor) =>
        name.EndsWith("x_proj.weight", StringComparison.Ordinal) || name.EndsWith("dt_projs.weight", StringComparison.Ordinal)
            ? tensor with { Shape = [4, tensor.Shape[0] / 4, tensor.Shape[1]] }
            : tensor;
}
