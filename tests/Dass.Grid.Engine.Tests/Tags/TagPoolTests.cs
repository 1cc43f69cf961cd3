using CsCheck;
using Dass.Grid.Engine.Model;
using Dass.Grid.Engine.Tags;
using Dass.Grid.Engine.Tests.Streaming;

namespace Dass.Grid.Engine.Tests.Tags;

public class TagPoolTests
{
    private const int Channels = 128;
    private const int Rows = 4;
    private const int WindowColumns = 32;

    private static readonly DassConfig Config = TinyModel.Instance.Config;
    private static readonly TagHead Head = new(TinyModel.Instance);

    [Fact]
    public void Scores_are_the_head_on_the_mean_of_the_tokens_of_chunk_window_and_stream() =>
        Gen.Select(Gen.Int[1, 80].Array[1, 12], Gen.Int).Sample(
            (chunks, seed) =>
            {
                var random = new Random(seed);
                var pool = new TagPool(Config, Head);
                var stream = new List<float[]>();
                var max = new float[Config.LabelCount];
                foreach (var columns in chunks)
                {
                    var sums = Enumerable.Range(0, columns * Channels).Select(_ => random.NextSingle() * 8 - 4).ToArray();
                    var chunk = sums.Chunk(Channels).ToArray();
                    if (stream.Count < WindowColumns)
                    {
                        Array.Clear(max); // only full windows count, or the one that holds all of a young stream
                    }
                    stream.AddRange(chunk);
                    var tags = pool.Add(sums, 32 * columns, 0);
                    AssertClose(Scores(chunk), tags.Scores);
                    AssertClose(Scores(stream.TakeLast(WindowColumns)), tags.WindowScores);
                    for (var end = WindowColumns; end < columns; end += WindowColumns)
                    {
                        Raise(max, Scores(chunk[(end - WindowColumns)..end]));
                    }
                    Raise(max, Scores(stream.TakeLast(WindowColumns)));
                }
                var summary = pool.Summary(1);
                AssertClose(Scores(stream), summary.Mean);
                AssertClose(max, summary.Max);
                Assert.Equal(chunks.Length, summary.Chunks);
            },
            iter: 30);

    [Fact]
    public void The_trailing_window_forgets_without_a_trace()
    {
        var loud = new TagPool(Config, Head);
        loud.Add([.. Enumerable.Repeat(1e6f, 5 * Channels)], 160, 1.6);
        var fresh = new TagPool(Config, Head);
        var quiet = Enumerable.Range(0, WindowColumns * Channels).Select(i => i % 7 - 3f).ToArray();
        Assert.Equal(fresh.Add(quiet, 1024, 0).WindowScores, loud.Add(quiet, 1024, 0).WindowScores);
    }

    [Fact]
    public void A_summary_is_a_copy()
    {
        var pool = new TagPool(Config, Head);
        pool.Add(new float[Channels], 32, 0.32);
        var first = pool.Summary(0.32);
        var kept = first.Max.ToArray();
        pool.Add([.. Enumerable.Repeat(50f, Channels)], 32, 0.64);
        Assert.Equal(kept, first.Max);
        Assert.NotEqual(kept, pool.Summary(0.64).Max);
    }

    private static float[] Scores(IEnumerable<float[]> columns)
    {
        var all = columns.ToArray();
        var mean = Enumerable.Range(0, Channels).Select(d => (float)(all.Sum(column => (double)column[d]) / (all.Length * Rows))).ToArray();
        var scores = new float[Config.LabelCount];
        Head.Score(mean, scores);
        return scores;
    }

    private static void Raise(float[] max, float[] scores)
    {
        for (var i = 0; i < max.Length; i++)
        {
            max[i] = Math.Max(max[i], scores[i]);
        }
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
    }
}
