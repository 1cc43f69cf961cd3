using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Tests.Model;

/// <summary>Reference outputs in <c>fixtures/golden</c>.</summary>
internal sealed class Golden : IDisposable
{
    private readonly SafetensorsFile _file;

    public Golden(string file) => _file = SafetensorsFile.Open(Path.Combine(AppContext.BaseDirectory, "fixtures", "golden", file));

    public float[] this[string name] => _file.Read(_file.Entries[name]);

    public IEnumerable<string> Names => _file.Entries.Keys;

    public void Dispose() => _file.Dispose();

    /// <summary>Fails when any value is off by more than <paramref name="tolerance"/> times the largest reference value.</summary>
    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance, string what = "")
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = 0, error = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(expected[i]));
            error = Math.Max(error, Math.Abs((double)expected[i] - actual[i]));
        }
        Assert.True(
            error <= tolerance * largest,
            $"{what}: largest error {error:e2}, largest reference value {largest:e2}, tolerance {tolerance:e0}");
    }
}
