using Dass.Grid.Notify.Rules;

namespace Dass.Grid.Notify.Routes;

/// <summary>What happens on a route, put together for people.</summary>
internal sealed class RouteStatus(Rule rule, DestinationSpec destination, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private string _grid = "";
    private string _delivery = "";
    private string _state = "";
    private bool _full;
    private long _sent;
    private long _givenUp;
    private DateTime? _lastSent;
    private string _last = "";
    private TimeSpan? _delay;

    public RouteReport Report(int waiting)
    {
        lock (_lock)
        {
            var state = _state.Length > 0 ? RouteState.NoState
                : _grid.Length > 0 ? RouteState.NoGrid
                : _full ? RouteState.Full
                : _delivery.Length > 0 && waiting > 0 ? RouteState.Failing
                : waiting > 0 ? RouteState.Sending
                : RouteState.Ready;
            var note = string.Join(" ", ((string[])[_state, _grid, _delivery]).Where(part => part.Length > 0));
            return new RouteReport(
                rule.Name, destination.Name, destination.Shown, state, waiting, _sent, _givenUp, _lastSent, _last, _delay, note);
        }
    }

    public void OnGrid(string problem) => Set(() => _grid = problem);

    public void OnState(string problem) => Set(() => _state = problem);

    public void OnFull(bool isFull) => Set(() => _full = isFull);

    public void OnFailed(string problem) => Set(() => _delivery = problem);

    public void OnSent(Notice notice) => Set(() =>
    {
        var now = clock.GetUtcNow().UtcDateTime;
        (_sent, _lastSent, _delay, _delivery) = (_sent + 1, now, now - notice.Offset, "");
        _last = $"{notice.Label} on {notice.StreamId}";
    });

    public void OnGivenUp(string problem) => Set(() => (_givenUp, _delivery) = (_givenUp + 1, problem));

    private void Set(Action change)
    {
        lock (_lock)
        {
            change();
        }
    }
}
