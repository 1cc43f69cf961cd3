using Dass.Grid.Notify;
using Dass.Grid.Notify.Rules;
using Dass.Grid.Notify.State;
using Microsoft.Extensions.Time.Testing;
using static Dass.Grid.Cluster.Tests.Notices.RuleDecisionTests;

namespace Dass.Grid.Cluster.Tests.Notices;

/// <summary>How far a rule is, across crashes.</summary>
public sealed class RouteJournalTests : IDisposable
{
    private static readonly Rule Dogs = Parse("""{ "name": "dogs", "to": "log", "cooldown": "5m" }""");

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("dass-journal-");
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 13, 0, 0, TimeSpan.Zero));

    private string Place => Path.Combine(_directory.FullName, "dogs@log.journal");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public void What_was_decided_is_there_again_in_order()
    {
        using (var journal = Open())
        {
            Decide(journal, "0-0", "0-1", "0-2");
            journal.Done(Message("0-1").Id);
        }
        using var next = Open();

        Assert.Equal(["0-0", "0-2"], next.Pending().Select(notice => notice.EventId));
        Assert.Equal(Message("0-0"), next.Pending()[0]);
        Assert.True(next.HasSeen(Notice.KeyOf(Heard("2026-03-01T12:00Z", id: "0-1"))));
        Assert.False(next.HasSeen(Notice.KeyOf(Heard("2026-03-01T12:00Z", id: "0-3"))));
        Assert.Equal(_time.GetUtcNow().UtcDateTime, next.Since);
        Assert.Equal(Decision.Cooldown, new RuleDecisions(Dogs, next.Memory).Decide(Heard("2026-03-01T12:04Z")));
    }

    [Fact]
    public void A_crash_at_any_byte_leaves_whole_decisions()
    {
        using (var journal = Open())
        {
            Decide(journal, "0-0");
            Decide(journal, "0-1");
            journal.Done(Message("0-0").Id);
        }
        var whole = File.ReadAllBytes(Place);
        var seen = new HashSet<string>();
        int[] ends = [.. Enumerable.Range(0, whole.Length).Where(place => whole[place] == '\n')];
        var cuts = ends.SelectMany(end => (int[])[end - 1, end, end + 1, end + 2]).Concat([0, 1]).Concat(
            Enumerable.Range(1, 9).Select(part => whole.Length * part / 10)); // each is a few fsyncs
        foreach (var length in cuts.Where(length => length <= whole.Length).Distinct())
        {
            File.WriteAllBytes(Place, whole[..length]);
            using (var journal = Open())
            {
                seen.Add(string.Join(' ', journal.Pending().Select(notice => notice.EventId)));
                Decide(journal, "0-9"); // it can be written behind what is torn
            }
            using var next = Open();
            Assert.Contains("0-9", next.Pending().Select(notice => notice.EventId));
        }
        Assert.Equal(["", "0-0", "0-0 0-1", "0-1"], seen.Order());
    }

    [Fact]
    public void A_broken_line_in_the_midst_is_no_crash_and_is_refused()
    {
        using (var journal = Open())
        {
            Decide(journal, "0-0");
        }
        var lines = File.ReadAllLines(Place);
        File.WriteAllLines(Place, [lines[0], "{", .. lines[1..]]);
        Assert.Contains("line 2 is broken", Assert.Throws<IOException>(() => Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void It_does_not_grow_for_ever_and_forgets_what_can_no_longer_be_listed()
    {
        using var journal = Open();
        _time.Advance(TimeSpan.FromDays(10));
        for (var i = 0; i < 525; i++) // two lines each
        {
            Decide(journal, $"0-{i}");
            journal.Done(Message($"0-{i}").Id);
        }
        Assert.InRange(File.ReadAllLines(Place).Length, 1, 1_010);
        Assert.False(journal.HasSeen(Notice.KeyOf(Heard("2026-03-01T12:00Z", id: "0-0"))));
    }

    [Fact]
    public void Nor_does_it_while_nothing_is_sent()
    {
        using var journal = Open();
        for (var i = 0; i < 1_500; i++)
        {
            journal.MarkRead(_time.GetUtcNow().UtcDateTime);
        }
        Assert.InRange(File.ReadAllLines(Place).Length, 1, 1_010);
        for (var i = File.ReadAllLines(Place).Length; i <= 1_000; i++)
        {
            journal.MarkRead(_time.GetUtcNow().UtcDateTime);
        }
        for (var i = 0; i < 3; i++)
        {
            journal.Decide([((UInt128)i, _time.GetUtcNow().UtcDateTime)], () => []);
        }
        Assert.InRange(File.ReadAllLines(Place).Length, 1, 10);
        Assert.True(journal.HasSeen(2));
    }

    [Fact]
    public void While_a_decision_is_made_a_message_that_was_sent_changes_nothing_that_it_needs()
    {
        using var journal = Open();
        Decide(journal, "0-0");
        for (var i = File.ReadAllLines(Place).Length; i < 1_000; i++)
        {
            journal.MarkRead(_time.GetUtcNow().UtcDateTime);
        }
        var decisions = new RuleDecisions(Dogs, journal.Memory);
        var sender = new Thread(() =>
        {
            journal.Done(Message("0-0").Id);
            journal.Done(Message("0-0").Id); // which writes all anew
        });
        Assert.Throws<IOException>(() => journal.Decide([], () =>
        {
            Assert.Equal(Decision.Send, decisions.Decide(Heard("2026-03-01T12:10Z")));
            sender.Start();
            SpinWait.SpinUntil(() => sender.ThreadState is ThreadState.Stopped or ThreadState.WaitSleepJoin);
            throw new IOException("The disk is full.");
        }));
        sender.Join();
        Assert.InRange(File.ReadAllLines(Place).Length, 1, 10);
        Assert.Empty(journal.Pending());
        Assert.Equal(Decision.Send, decisions.Decide(Heard("2026-03-01T12:10Z"))); // it was not decided
    }

    [Fact]
    public void A_rule_that_selects_what_it_did_goes_on_with_what_is_listed_late()
    {
        var begun = _time.GetUtcNow().UtcDateTime;
        using (var journal = Open())
        {
            _time.Advance(TimeSpan.FromMinutes(10));
            journal.MarkRead(_time.GetUtcNow().UtcDateTime);
        }
        using (var edited = Open(Parse("""{ "name": "dogs", "to": ["log"], "cooldown": "1m", "min_duration": "1s" }""")))
        {
            Assert.Equal(begun, edited.Since);
        }
        var first = File.ReadAllLines(Place)[0];
        Assert.Contains("\"selection\":", first, StringComparison.Ordinal);
        File.WriteAllText(Place, System.Text.RegularExpressions.Regex.Replace(first, "\"selection\":\"[^\"]*\",", "") + "\n");
        using (var before = Open(Parse("""{ "name": "dogs", "to": ["log"], "cooldown": "1m", "min_duration": "1s" }""")))
        {
            Assert.Equal(begun, before.Since); // a journal of before, of the same rule
        }
        using var others = Open(Parse("""{ "name": "dogs", "to": ["log"], "min_peak": 0.5 }"""));
        Assert.Equal(begun.AddMinutes(10), others.Since);
    }

    [Fact]
    public void A_rule_that_was_changed_begins_where_the_old_one_had_read_up_to()
    {
        using (var journal = Open())
        {
            _time.Advance(TimeSpan.FromMinutes(10));
            journal.MarkRead(_time.GetUtcNow().UtcDateTime);
            Decide(journal, "0-0");
        }
        var read = _time.GetUtcNow().UtcDateTime;
        _time.Advance(TimeSpan.FromHours(1));
        using var changed = Open(Parse("""{ "name": "dogs", "to": "log", "labels": ["Cat"] }"""));
        Assert.Equal(read, changed.Since);
        Assert.Single(changed.Pending()); // what had been decided is sent all the same
    }

    [Fact]
    public void A_new_rule_begins_where_it_says()
    {
        using var journal = Open(Parse("""{ "name": "dogs", "to": "log", "from": "2026-02-28" }"""));
        Assert.Equal(new DateTime(2026, 2, 28, 0, 0, 0, DateTimeKind.Utc), journal.Since);
    }

    [Fact]
    public void It_is_for_the_own_user_alone()
    {
        using var journal = Open();
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Place));
        }
    }

    private static Notice Message(string id) => Notice.From("dogs", Heard("2026-03-01T12:00Z", id: id));

    private RouteJournal Open(Rule? rule = null) => new(Place, rule ?? Dogs, TimeSpan.FromDays(9), _time);

    private static void Decide(RouteJournal journal, params string[] ids)
    {
        journal.Decide(
            [.. ids.Select(id => (Notice.KeyOf(Heard("2026-03-01T12:00Z", id: id)), new DateTime(2026, 3, 1, 12, 0, 0, DateTimeKind.Utc)))],
            () =>
            {
                new RuleDecisions(Dogs, journal.Memory).Decide(Heard("2026-03-01T12:00Z"));
                return [.. ids.Select(Message)];
            });
    }
}
