using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Dass.Grid.Engine.Model.Onnx.Cuda;
using Dass.Grid.Engine.Model.Onnx.Cuda.Kernels;

namespace Dass.Grid.Engine.Tests.Model.Onnx.Cuda;

/// <summary>What the driver of a GPU would be given: the emulated device never sees it.</summary>
public sealed partial class PtxTests : IDisposable
{
    private readonly PtxCompiler _compiler = new();

    public static TheoryData<string> Kernels => [.. DeviceKernels.All.Select(kernel => kernel.Name)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_kernel_takes_its_struct_as_it_lies_in_memory_and_computes_exactly(string name)
    {
        var kernel = DeviceKernels.All.Single(kernel => kernel.Name == name);
        var (text, entry) = _compiler.Compile(kernel);
        Assert.Contains(".target sm_80", text, StringComparison.Ordinal);

        var parameter = Parameter().Match(text);
        Assert.Equal(entry, parameter.Groups["entry"].Value);
        Assert.Equal(kernel.ArgumentBytes, int.Parse(parameter.Groups["bytes"].Value, CultureInfo.InvariantCulture));
        var offsets = Offsets(kernel.Method.GetParameters().Single().ParameterType);
        var read = Load().Matches(text).Select(match => int.Parse("0" + match.Groups["offset"].Value, CultureInfo.InvariantCulture));
        Assert.Empty(read.Except(offsets));

        Assert.DoesNotContain(".approx", text, StringComparison.Ordinal); // exp2 and log2 of few bits, which the scan would multiply
        Assert.DoesNotContain(".extern", text, StringComparison.Ordinal); // a function of .NET that the compiler does not know
        Assert.DoesNotContain("bra.uni", text, StringComparison.Ordinal); // a promise that the threads of a warp stay together
        Assert.DoesNotContain(".local", text, StringComparison.Ordinal); // variables in memory instead of registers
    }

    [Fact]
    public void The_scan_of_a_published_size_reads_its_step_weights_once()
    {
        foreach (var rank in (int[])[6, 12, 24, 48])
        {
            var (text, _) = _compiler.Compile(DeviceKernels.Scan(rank));
            var loop = Label().Split(text).MaxBy(block => Product().Count(block))!; // a token's polynomials

            // The projections of the token, its B and C, its input.
            Assert.Equal(rank + 3, Read().Count(loop));
            Assert.DoesNotContain("div.", loop, StringComparison.Ordinal);
            Assert.DoesNotContain("rem.", loop, StringComparison.Ordinal);
        }
    }

    public void Dispose() => _compiler.Dispose();

    // Where the fields of numbers and addresses begin; neither has gaps inside.
    private static List<int> Offsets(Type type)
    {
        var offsets = new List<int>();
        var at = 0;
        foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            var size = field.FieldType == typeof(int) ? 4 : 8;
            Assert.True(
                size == 4 || field.FieldType == typeof(long) || field.FieldType.GetGenericTypeDefinition() == typeof(DevicePointer<>));
            at = (at + size - 1) / size * size;
            offsets.Add(at);
            at += size;
        }
        return offsets;
    }

    [GeneratedRegex(@"\.visible \.entry (?<entry>\w+)\(\s*\.param \.align 8 \.b8 \w+\[(?<bytes>\d+)\]\s*\)")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"ld\.param\.\w+\s+%\w+, \[\w+?(\+(?<offset>\d+))?\]")]
    private static partial Regex Load();

    [GeneratedRegex(@"\bL_\d+:")]
    private static partial Regex Label();

    [GeneratedRegex(@"\bmul\.f32")]
    private static partial Regex Product();

    [GeneratedRegex(@"\bld\.f32|\bld\.global\.f32")]
    private static partial Regex Read();
}
