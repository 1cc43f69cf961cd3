using System.Globalization;
using System.Text;
using Dass.Grid.Gateway.Calls;
using Dass.Grid.Gateway.Grid;
using Dass.Grid.Gateway.Models;
using Dass.Grid.Gateway.Protocol;
using Dass.Grid.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Dass.Grid.Gateway.Events;

/// <summary>
/// One call about the events that the grid keeps of its tenant: goes through the tenant's logs of the time range in order.
/// </summary>
internal sealed class EventLogQueries(GridAccess grid, CallState call)
{
    private const int MaxNames = 1_000;
    private const int SpansPerPage = 288; // each is one call to a log
    private const int EventsPerCall = 10_000; // 2 MB
    private const int PieceCharacters = 1 << 15;
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);
    private static readonly TimeSpan LongestRange = TimeSpan.FromDays(366);

    public async Task<ListEventsResponse> ListAsync(ListEventsRequest request, CancellationToken cancellationToken)
    {
        var size = Paging.Size(request.PageSize);
        var query = await ParseAsync(request.Selection ?? new EventSelection());
        if (request.NewestFirst)
        {
            return await ListNewestAsync(query, size, request.PageToken, cancellationToken);
        }
        var (span, skip) = (EventLogKey.SpanOf(query.From), 0);
        if (request.PageToken.Length > 0)
        {
            (span, skip) = ParseToken(request.PageToken);
        }
        var answer = new ListEventsResponse();
        var spans = await SpansAsync(span, query, SpansPerPage + 1, cancellationToken);
        for (var i = 0; i < spans.Length; i++)
        {
            if (i == SpansPerPage)
            {
                answer.NextPageToken = Token(spans[i], 0);
                break;
            }
            var before = spans[i] == span ? skip : 0;
            var room = size - answer.Events.Count;
            var events = await ReadAsync(spans[i], query with { Skip = before, Most = room + 1 }, cancellationToken);
            answer.Events.AddRange(events.Take(room).Select(Map));
            if (answer.Events.Count == size && (events.Length > room || i + 1 < spans.Length))
            {
                answer.NextPageToken = events.Length > room ? Token(spans[i], before + room) : Token(spans[i + 1], 0);
                break;
            }
        }
        return answer;
    }

    private async Task<ListEventsResponse> ListNewestAsync(EventQuery query, int size, string token, CancellationToken cancellationToken)
    {
        var after = token.Length == 0 ? EventPlace.BeforeAll : EventPlace.Parse(token);
        var index = grid.Grains.GetGrain<IEventIndexGrain>(call.Tenant);
        var newest = EventLogKey.SpanOf(query.To - TimeSpan.FromTicks(1));
        var spans = await Recovery.AskAsync(
            grid,
            () => index.FindNewest(EventLogKey.SpanOf(query.From), Math.Min(newest, after.Span), SpansPerPage + 1),
            cancellationToken);
        var answer = new ListEventsResponse();
        for (var i = 0; i < spans.Length; i++)
        {
            if (i == SpansPerPage)
            {
                answer.NextPageToken = EventPlace.BeforeAllOf(spans[i]).ToString();
                break;
            }
            var events = await ReadNewestAsync(spans[i], query, after, size - answer.Events.Count + 1, cancellationToken);
            var room = Math.Min(events.Length, size - answer.Events.Count);
            answer.Events.AddRange(events.Take(room).Select(each => Map(each.Sound)));
            if (answer.Events.Count == size && (room < events.Length || i + 1 < spans.Length))
            {
                answer.NextPageToken = events[room - 1].Place.ToString();
                break;
            }
        }
        return answer;
    }

    /// <summary>The newest events of a log that stand behind a place; several may have its onset.</summary>
    private async Task<(LoggedEvent Sound, EventPlace Place)[]> ReadNewestAsync(
        long span, EventQuery query, EventPlace after, int most, CancellationToken cancellationToken)
    {
        if (after.Onset < query.To.UtcTicks - 1)
        {
            query = query with { To = new DateTimeOffset(after.Onset + 1, TimeSpan.Zero) };
        }
        for (var asked = most; ; asked *= 2)
        {
            var events = await ReadAsync(span, query with { NewestFirst = true, Most = asked }, cancellationToken);
            var found = events
                .Select(sound => (Sound: sound, Place: EventPlace.Of(sound)))
                .Where(each => each.Place.CompareTo(after) > 0)
                .OrderBy(each => each.Place)
                .Take(most)
                .ToArray();
            if (found.Length == most || events.Length != asked)
            {
                return found;
            }
        }
    }

    public async Task ExportAsync(
        ExportEventsRequest request, IServerStreamWriter<ExportEventsResponse> responses, CancellationToken cancellationToken)
    {
        if (request.Format is < ExportFormat.JsonLines or > ExportFormat.Webvtt)
        {
            throw ProtocolErrors.Format((int)request.Format);
        }
        var selection = request.Selection ?? new EventSelection();
        if (request.Format >= ExportFormat.Audacity && selection.StreamIds.Count != 1)
        {
            throw ProtocolErrors.OneStream(selection.StreamIds.Count);
        }
        var (query, text) = (await ParseAsync(selection), new StringBuilder());
        var format = request.Format switch
        {
            ExportFormat.JsonLines => EventFileFormat.JsonLines,
            ExportFormat.Csv => EventFileFormat.Csv,
            ExportFormat.Audacity => EventFileFormat.Audacity,
            ExportFormat.Rttm => EventFileFormat.Rttm,
            _ => EventFileFormat.WebVtt,
        };
        EventText.Begin(format, text);
        var span = EventLogKey.SpanOf(query.From);
        while (await SpansAsync(span, query, SpansPerPage, cancellationToken) is { Length: > 0 } spans)
        {
            foreach (var known in spans)
            {
                LoggedEvent[] events;
                for (var read = 0; ; read += events.Length)
                {
                    events = await ReadAsync(known, query with { Skip = read, Most = EventsPerCall }, cancellationToken);
                    foreach (var sound in events)
                    {
                        EventText.Write(format, Line(sound), text);
                        if (text.Length >= PieceCharacters)
                        {
                            await FlushAsync();
                        }
                    }
                    if (events.Length != EventsPerCall)
                    {
                        break;
                    }
                }
            }
            span = spans[^1] + 1;
        }
        await FlushAsync();

        async Task FlushAsync()
        {
            await responses.WriteAsync(new ExportEventsResponse { Data = ByteString.CopyFromUtf8(text.ToString()) }, cancellationToken);
            text.Clear();
        }
    }

    private Task<long[]> SpansAsync(long first, EventQuery query, int most, CancellationToken cancellationToken)
    {
        var index = grid.Grains.GetGrain<IEventIndexGrain>(call.Tenant);
        var last = EventLogKey.SpanOf(query.To - TimeSpan.FromTicks(1));
        return Recovery.AskAsync(grid, () => index.Find(first, last, most), cancellationToken);
    }

    private async Task<LoggedEvent[]> ReadAsync(long span, EventQuery query, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var log = grid.Grains.GetGrain<IEventLogGrain>(new EventLogKey(call.Tenant, span).ToString());
        var found = await Recovery.AskAsync(grid, () => log.Read(query), cancellationToken);
        return found is [{ Skipped: var skipped }, ..] && skipped == query.Skip
            ? found
            : [.. found.Skip(query.Skip)]; // of a silo of an earlier version
    }

    private async Task<EventQuery> ParseAsync(EventSelection selection)
    {
        var query = ParseSelection(selection);
        await new ModelCards(grid.Grains).CheckLabelsAsync("selection.labels", selection.Labels);
        return query;
    }

    private EventQuery ParseSelection(EventSelection selection)
    {
        if (Math.Max(selection.StreamIds.Count, selection.Labels.Count) is > MaxNames and var count)
        {
            throw ProtocolErrors.TooManyIds("selection.stream_ids or selection.labels", count, MaxNames);
        }
        foreach (var name in selection.StreamIds.Concat(selection.Prefix.Length > 0 ? [selection.Prefix] : []))
        {
            call.Scope(name);
        }
        if (selection.MinPeakScore is not (>= 0 and <= 1))
        {
            throw ProtocolErrors.Score("selection.min_peak_score", selection.MinPeakScore);
        }
        var to = RequestMapping.Time("selection.to", selection.To) ?? grid.Time.GetUtcNow() + EventLogKey.Length; // clocks differ a little
        var from = RequestMapping.Time("selection.from", selection.From)
            ?? (to - DateTimeOffset.MinValue > Day ? to - Day : DateTimeOffset.MinValue);
        if (from >= to || to - from > LongestRange)
        {
            throw ProtocolErrors.TimeRange(from, to, LongestRange);
        }
        return new EventQuery(
            selection.StreamIds.Count == 0 ? null : [.. selection.StreamIds],
            selection.Prefix.Length == 0 ? null : selection.Prefix,
            selection.Labels.Count == 0 ? null : [.. selection.Labels],
            from, to, selection.MinPeakScore);
    }

    private static string Token(long span, int skip) => string.Create(CultureInfo.InvariantCulture, $"{span}-{skip}");

    private static (long Span, int Skip) ParseToken(string token)
    {
        var dash = token.LastIndexOf('-');
        return dash > 0
            && long.TryParse(token.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out var span)
            && int.TryParse(token.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var skip)
            ? (span, skip)
            : throw ProtocolErrors.PageToken(token);
    }

    private static EventLine Line(LoggedEvent sound) => new(
        sound.Stream, sound.Onset, sound.OnsetSeconds, sound.OffsetSeconds, sound.LabelId, sound.Label, sound.Peak, sound.Mean, sound.Model,
        sound.Id);

    private static KeptEvent Map(LoggedEvent sound) => new()
    {
        StreamId = sound.Stream,
        Begun = Timestamp.FromDateTimeOffset(sound.Begun),
        Onset = Timestamp.FromDateTimeOffset(sound.Onset),
        Offset = Timestamp.FromDateTimeOffset(sound.Onset + TimeSpan.FromSeconds(sound.OffsetSeconds - sound.OnsetSeconds)),
        Model = sound.Model,
        Event = new Event
        {
            Id = sound.Id,
            Kind = EventKind.Closed,
            LabelIndex = int.Parse(sound.Id.AsSpan(0, sound.Id.IndexOf('-')), CultureInfo.InvariantCulture),
            LabelId = sound.LabelId,
            Label = sound.Label,
            OnsetSeconds = sound.OnsetSeconds,
            OffsetSeconds = sound.OffsetSeconds,
            PeakScore = sound.Peak,
            MeanScore = sound.Mean,
        },
    };
}
