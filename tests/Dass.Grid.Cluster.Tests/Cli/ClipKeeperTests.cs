using System.Runtime.InteropServices;
using Dass.Grid.Cli.Clips;
using Dass.Grid.Client;
using Dass.Grid.Cluster.Tests.Support;
using Dass.Grid.Engine.Audio;
using Dass.Grid.Engine.Model;
using Dass.Grid.V1;
using Microsoft.Extensions.Time.Testing;
using AudioFormat = Dass.Grid.Engine.Audio.AudioFormat;
using ModelInfo = Dass.Grid.V1.ModelInfo;

namespace Dass.Grid.Cluster.Tests.Cli;

/// <summary>Audio around events: the right samples, nothing of speech, not for longer and not more than was said.</summary>
[Collection(SharedGridCollection.Name)]
public sealed class ClipKeeperTests(SharedGrid shared) : IDisposable
{
    private const int Rate = 16_000;
    private const double ChunkSeconds = 0.96;

    private static readonly AudioFormat Format = new(SampleEncoding.Pcm16, Rate, 1);
    private static readonly DateTimeOffset Begun = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly int Speech = AudioSetLabels.All.Find("Speech")!.Index;

    private readonly string _folder = Directory.CreateTempSubdirectory("dass-clips-").FullName;
    private FakeTimeProvider _time = new(Begun);
    private readonly List<string> _notes = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_clip_has_the_samples_of_its_event_and_the_event_in_its_name()
    {
        await HearAsync(new ClipRules { Folder = _folder }, speaksAt: _ => 0, Sound("Dog", "74-9", 9, 12));
        var file = Assert.Single(Files("flac", "wav"));
        Assert.Equal("20260301T120009Z_Dog_74-9.clip", Path.GetFileNameWithoutExtension(file));
        Assert.Equal("yard", Path.GetFileName(Path.GetDirectoryName(file)));
        Assert.Single(Files("png"));
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode owners = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
            Assert.Equal(owners, File.GetUnixFileMode(Path.GetDirectoryName(file)!));
        }
        var samples = await ClipSamples.ReadAsync(file);
        Assert.Equal(7 * Rate, samples.Length); // 2 s before, 3 s of it, 2 s after
        // Each sample tells its time: 200 ms of audio that came at a time are the 200 ms before it.
        Assert.Equal(Enumerable.Range(0, samples.Length).Select(i => Ramp(7 * Rate + i)), samples);
    }

    [Fact]
    public async Task What_people_say_is_silence()
    {
        await HearAsync(
            new ClipRules { Folder = _folder }, speaksAt: second => second is >= 11 and < 11.5 ? 0.3f : 0.1f, Sound("Dog", "74-9", 9, 12));
        var samples = await ClipSamples.ReadAsync(Assert.Single(Files("flac", "wav")));
        var chunk = (int)(11 / ChunkSeconds);
        var (from, to) = ((int)((chunk - 1) * ChunkSeconds * Rate) - 7 * Rate, (int)((chunk + 2) * ChunkSeconds * Rate) - 7 * Rate);
        Assert.All(samples[(from + 160)..(Math.Min(to, samples.Length) - 160)], sample => Assert.Equal(0, sample));
        Assert.Equal(Ramp(7 * Rate + from - 200), samples[from - 200]); // before it all is kept
        Assert.Contains(samples, sample => sample != 0);
    }

    [Fact]
    public async Task An_event_that_is_all_speech_has_no_clip_unless_it_is_asked_for()
    {
        await HearAsync(new ClipRules { Folder = _folder }, speaksAt: _ => 0.9f, Sound("Dog", "74-9", 9, 12));
        Assert.Empty(Files("flac", "wav", "png"));
        Assert.Contains(_notes, note => note.Contains("all of it is speech", StringComparison.Ordinal));
        await HearAsync(new ClipRules { Folder = _folder, SpeechFrom = null }, speaksAt: _ => 0.9f, Sound("Dog", "74-9", 9, 12));
        Assert.Single(Files("flac", "wav"));
    }

    [Fact]
    public async Task Only_events_that_a_rule_names_have_clips()
    {
        var rules = new ClipRules
        {
            Folder = _folder, Labels = new Dictionary<string, float>(StringComparer.OrdinalIgnoreCase) { ["dog"] = 0.7f },
        };
        await HearAsync(
            rules, speaksAt: _ => 0, Sound("Dog", "74-1", 5, 6, peak: 0.69f), Sound("Siren", "1-2", 7, 8), Sound("Dog", "74-3", 9, 10));
        Assert.Contains("74-3", Assert.Single(Files("flac", "wav")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_oldest_clips_go()
    {
        await HearAsync(new ClipRules { Folder = _folder }, speaksAt: _ => 0, Sound("Dog", "74-1", 5, 6), Sound("Dog", "74-3", 9, 10));
        string Clip(string id) => Files("flac", "wav").Single(file => file.Contains(id));
        var (first, second) = (Clip("74-1"), Clip("74-3"));
        foreach (var file in Files("flac", "wav", "png"))
        {
            File.SetLastWriteTimeUtc(file, (Begun + TimeSpan.FromHours(file.Contains("74-1") ? 1 : 2)).UtcDateTime);
        }
        File.WriteAllText(Path.Combine(_folder, "notes.txt"), "not a clip");
        _time.SetUtcNow(Begun + TimeSpan.FromHours(3.5));
        new ClipFiles(new ClipRules { Folder = _folder, Age = TimeSpan.FromHours(2) }, _time).Forget();
        Assert.False(File.Exists(first));
        Assert.True(File.Exists(second));
        new ClipFiles(new ClipRules { Folder = _folder, MaxBytes = 10 }, _time).Forget();
        Assert.Equal(["notes.txt"], Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Select(Path.GetFileName));
    }

    [Fact]
    public void Audio_older_than_the_window_is_not_held()
    {
        var ring = new AudioRing(Format, TimeSpan.FromSeconds(2));
        for (var piece = 1; piece <= 50; piece++)
        {
            ring.Add(Begun + TimeSpan.FromSeconds(0.2 * piece), Enumerable.Repeat((byte)1, 6_400).ToArray());
        }
        var clip = ring.Take(Begun, Begun + TimeSpan.FromSeconds(10), _ => true);
        Assert.InRange((double)clip.Count(value => value == 1) / clip.Length, 0.2, 0.23); // of 10 s
    }

    [Fact]
    public void A_clock_that_is_set_back_leaves_nothing_behind_that_never_grows_old()
    {
        var ring = new AudioRing(Format, TimeSpan.FromSeconds(2));
        byte[] piece = [.. Enumerable.Repeat((byte)1, 6_400)];
        int HeldAt(DateTimeOffset time) => ring.Take(time, time + TimeSpan.FromSeconds(1), _ => true).Count(value => value == 1);
        var ahead = Begun + TimeSpan.FromHours(2);
        ring.Add(ahead, piece);
        Assert.Equal(piece.Length, HeldAt(ahead));
        ring.Add(Begun, piece);
        Assert.Equal((0, piece.Length), (HeldAt(ahead), HeldAt(Begun)));
    }

    /// <summary>Half a minute of a ramp in real time, its chunks' tags 2 s later, the events with the chunk after their end.</summary>
    private async Task HearAsync(ClipRules rules, Func<double, float> speaksAt, params Event[] sounds)
    {
        _time = new FakeTimeProvider(Begun);
        using var grid = new GridClient(shared.Grid.Host.Address);
        var keeper = new ClipKeeper(rules, "yard", grid, _time, _notes.Add);
        await keeper.OnAnswerAsync(new StreamResponse { Ready = new Ready { Model = new ModelInfo { Name = "tiny" } } }, Begun, default);
        var (sent, chunk) = (0, 0);
        for (var piece = 0; piece < 150; piece++)
        {
            short[] audio = [.. Enumerable.Range(sent, Rate / 5).Select(Ramp)];
            sent += audio.Length;
            _time.SetUtcNow(Begun + TimeSpan.FromSeconds((double)sent / Rate));
            var begin = Begun + TimeSpan.FromSeconds((double)(sent - audio.Length) / Rate);
            keeper.Add(Format, begin, MemoryMarshal.AsBytes(audio.AsSpan()).ToArray());
            for (; (chunk + 1) * ChunkSeconds + 2 < (double)sent / Rate; chunk++)
            {
                var (start, end) = (chunk * ChunkSeconds, (chunk + 1) * ChunkSeconds);
                var scores = new float[527];
                scores[Speech] = speaksAt(11) > 0.2f && start <= 11 && 11 < end ? speaksAt(11) : speaksAt(start);
                await keeper.OnAnswerAsync(
                    new StreamResponse
                    {
                        Tags = new Tags
                        {
                            Chunk = chunk, StartSeconds = start, EndSeconds = end, DenseChunkScores = { scores },
                            Events = { sounds.Where(sound => sound.OffsetSeconds > start - ChunkSeconds && sound.OffsetSeconds <= start) },
                        },
                    },
                    Begun, default);
            }
        }
    }

    private static Event Sound(string label, string id, double onset, double offset, float peak = 0.8f) => new()
    {
        Id = id, Kind = EventKind.Closed, Label = label, OnsetSeconds = onset, OffsetSeconds = offset, PeakScore = peak,
    };

    private static short Ramp(int sample) => (short)(1 + sample % 20_000);

    private string[] Files(params string[] endings) =>
        [.. Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Where(file => endings.Any(file.EndsWith))];
}
