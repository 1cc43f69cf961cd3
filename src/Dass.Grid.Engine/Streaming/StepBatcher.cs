using System.Diagnostics;
using Dass.Grid.Engine.Model;

namespace Dass.Grid.Engine.Streaming;

/// <summary>Gathers the steps of many streams into batches and runs them on threads of its own, never on the thread pool.</summary>
/// <remarks>The queue is bounded: each stream has one step in it at a time. Whose turn it is: see <see cref="StepQueue"/>.</remarks>
public sealed class StepBatcher : IAsyncDisposable
{
    private readonly IStepModel _model;
    private readonly StepBatcherOptions _options;
    private readonly EngineInstruments _instruments;
    private readonly StepRate _rate;
    private readonly StepQueue _queue;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<DeviceLostException> _loss = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly object _gate = new(); // a monitor, because threads wait on it with a timeout
    private readonly long[] _running; // when each thread's batch began; 0: none
    private readonly BusyTime _busy;
    private int _idleThreads;
    private int _liveThreads;
    private bool _stopping;

    /// <param name="model">Stays the caller's.</param>
    /// <param name="options">Validated by the caller; not changed afterwards.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="instruments">Where steps are counted.</param>
    /// <param name="rate">Where their speed is measured; null: of its own.</param>
    internal StepBatcher(
        IStepModel model, StepBatcherOptions options, int threads, EngineInstruments instruments, StepRate? rate = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _model = model;
        _options = options.On(model.Defaults);
        _instruments = instruments;
        _rate = rate ?? new StepRate(threads);
        _queue = new StepQueue(
            _options.MaxBatch, _options.MaxCatchUpBatch, (long)(options.MaxWait.TotalSeconds * Stopwatch.Frequency), Stopwatch.Frequency,
            model.Defaults.FullFrames);
        _liveThreads = threads;
        _running = new long[threads];
        _busy = new BusyTime(threads);
        for (var i = 0; i < threads; i++)
        {
            var thread = i;
            new Thread(() => RunBatches(thread)) { Name = $"dass-step-{i}", IsBackground = true }.Start();
        }
    }

    /// <summary>Steps that wait now.</summary>
    public int QueueLength
    {
        get
        {
            lock (_gate)
            {
                return _queue.Count;
            }
        }
    }

    /// <summary>How long live steps have to wait now; zero when none waits.</summary>
    public TimeSpan LiveWait
    {
        get
        {
            lock (_gate)
            {
                return Stopwatch.GetElapsedTime(0, _queue.LiveWait(Stopwatch.GetTimestamp()));
            }
        }
    }

    /// <summary>Share of the last ten seconds in which the threads ran batches, 0 to 1; a batch that still runs counts.</summary>
    public double Busy => _busy.Share(Stopwatch.GetTimestamp(), _running);

    /// <summary>How long the oldest batch has been running now; zero when none is. A device that hangs shows here.</summary>
    public TimeSpan LongestRun
    {
        get
        {
            var (now, longest) = (Stopwatch.GetTimestamp(), TimeSpan.Zero);
            for (var i = 0; i < _running.Length; i++)
            {
                if (Volatile.Read(ref _running[i]) is var began and > 0 && Stopwatch.GetElapsedTime(began, now) is var run && run > longest)
                {
                    longest = run;
                }
            }
            return longest;
        }
    }

    /// <summary>Completes, with the reason, when the device is lost.</summary>
    public Task<DeviceLostException> Loss => _loss.Task;

    /// <summary>The device had no memory left for a step of a single stream, of so many frames. Raised on the device thread.</summary>
    internal event Action<int>? OutOfMemory;

    /// <summary>Queues a step whose shape and features are set, and waits until the stream has advanced.</summary>
    /// <param name="step">Not touched by the caller until the task ends.</param>
    /// <param name="cancellationToken">Takes a waiting step out of the queue; a running one is finished, and the task ends as if not
    /// cancelled.</param>
    /// <exception cref="StepQueueFullException">At once, when the queue is full. The stream is as it was.</exception>
    /// <exception cref="StepFailedException">The model failed. The stream is as it was.</exception>
    /// <exception cref="DeviceMemoryException">The device has no memory left for the step. The stream is as it was.</exception>
    /// <exception cref="DeviceLostException">The device is lost, and the stream's state with it.</exception>
    /// <exception cref="ObjectDisposedException">The batcher has been, or was while the step waited, disposed. The stream is as it
    /// was.</exception>
    public ValueTask StepAsync(QueuedStep step, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled(cancellationToken);
        }
        ValueTask task;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            ObjectDisposedException.ThrowIf(step.Released, step);
            if (_loss.Task.IsCompleted)
            {
                throw Lost(_loss.Task.Result);
            }
            if (step.State != QueuedStepState.Idle)
            {
                throw new InvalidOperationException("This stream already has a step under way.");
            }
            if (_options.QueueCapacity > 0 && _queue.Count >= _options.QueueCapacity)
            {
                throw new StepQueueFullException(_options.QueueCapacity);
            }
            task = step.Begin();
            step.Batcher = this;
            step.Cancellation = cancellationToken;
            step.Caller = Activity.Current?.Context ?? default;
            if (_queue.Add(step, Stopwatch.GetTimestamp()))
            {
                Monitor.Pulse(_gate);
            }
        }
        if (cancellationToken.CanBeCanceled)
        {
            RegisterCancellation(step, cancellationToken);
        }
        return task;
    }

    /// <summary>
    /// Ends the use of a step, once, and gives its slot back: now, or when the batch that it is part of has run. A waiting step fails with
    /// <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Release(QueuedStep step)
    {
        var waited = false;
        lock (_gate)
        {
            step.Released = true;
            if (step.State == QueuedStepState.Running)
            {
                return; // its thread gives the slot back
            }
            if (step.State == QueuedStepState.Waiting)
            {
                _queue.Remove(step);
                waited = true;
            }
        }
        step.Slot.Dispose();
        if (waited)
        {
            End(step, new ObjectDisposedException(nameof(StreamSession)));
        }
    }

    /// <summary>
    /// Refuses new steps, fails those that wait with <see cref="ObjectDisposedException"/>, and ends when the running batches and the
    /// threads have ended.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        var waiting = new List<QueuedStep>();
        lock (_gate)
        {
            _stopping = true;
            Empty(waiting);
            Monitor.PulseAll(_gate);
        }
        foreach (var step in waiting)
        {
            End(step, new ObjectDisposedException(nameof(StepBatcher)));
        }
        await _stopped.Task.ConfigureAwait(false);
    }

    /// <summary>The device is lost: fails the steps that wait, and all later ones.</summary>
    internal void Lose(DeviceLostException loss)
    {
        var waiting = new List<QueuedStep>();
        lock (_gate)
        {
            _loss.TrySetResult(loss);
            Empty(waiting);
        }
        foreach (var step in waiting)
        {
            End(step, Lost(loss));
        }
    }

    private void Empty(List<QueuedStep> waiting)
    {
        while (_queue.Oldest is { } step)
        {
            _queue.Remove(step);
            waiting.Add(step);
        }
    }

    private void RunBatches(int thread)
    {
        var batch = new QueuedStep[_options.MaxBatch];
        while (WaitForBatch(batch) is var size and > 0)
        {
            var began = Stopwatch.GetTimestamp();
            Volatile.Write(ref _running[thread], began);
            RunBatch(batch.AsSpan(0, size));
            Volatile.Write(ref _running[thread], 0);
            _busy.Add(began, Stopwatch.GetTimestamp());
            Array.Clear(batch);
        }
        if (Interlocked.Decrement(ref _liveThreads) == 0)
        {
            _stopped.SetResult();
        }
    }

    // 0: the batcher stops.
    private int WaitForBatch(QueuedStep[] batch)
    {
        lock (_gate)
        {
            _idleThreads++;
            var size = 0;
            while (!_stopping && (size = _queue.Take(Stopwatch.GetTimestamp(), _idleThreads, batch)) == 0)
            {
                if (_queue.Count == 0)
                {
                    Monitor.Wait(_gate);
                }
                else
                {
                    var wait = Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), _queue.Deadline);
                    Monitor.Wait(_gate, Math.Max(1, (int)Math.Ceiling(wait.TotalMilliseconds)));
                }
            }
            _idleThreads--;
            if (_queue.Count > 0)
            {
                Monitor.Pulse(_gate); // no other thread has been woken for what is left
            }
            return size;
        }
    }

    private void RunBatch(ReadOnlySpan<QueuedStep> batch)
    {
        var start = Stopwatch.GetTimestamp();
        Exception? failure = null;
        using (var activity = _instruments.StartBatch(batch))
        {
            try
            {
                _model.Step(batch);
            }
            catch (Exception exception)
            {
                failure = exception;
                activity?.SetStatus(ActivityStatusCode.Error, exception.Message);
            }
            if (activity is not null)
            {
                _instruments.Trace(batch, activity.Context, start, Stopwatch.GetTimestamp(), failure);
            }
        }
        var end = Stopwatch.GetTimestamp();
        _instruments.Stepped(batch, start, end, failure);
        if (failure is DeviceMemoryException && batch.Length > 1)
        {
            var half = batch.Length / 2;
            lock (_gate)
            {
                _queue.LimitBatch(half, batch[0].Frames);
            }
            RunBatch(batch[..half]);
            RunBatch(batch[half..]);
            return;
        }
        switch (failure)
        {
            case null:
                var audioSeconds = batch.Length * batch[0].Committed * FrameRate.HopSeconds;
                _rate.Add(batch.Length, audioSeconds, Stopwatch.GetElapsedTime(start, end).TotalSeconds);
                break;
            case DeviceMemoryException:
                OutOfMemory?.Invoke(batch[0].Frames);
                break;
            case DeviceLostException loss:
                Lose(loss);
                break;
        }
        foreach (var step in batch)
        {
            Finish(step, failure is null ? Outcome(step) : Failed(failure));
        }
    }

    private static Exception? Outcome(QueuedStep step)
    {
        try
        {
            step.OnStepped();
            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    // One exception per stream: awaiting callers write their stack traces into it.
    private Exception Failed(Exception failure) => failure switch
    {
        DeviceLostException lost => Lost(lost),
        DeviceMemoryException => new DeviceMemoryException(failure.Message, failure),
        _ => new StepFailedException($"A step of model '{_model.Model.Name}' failed: {failure.Message}", failure),
    };

    private static DeviceLostException Lost(DeviceLostException loss) => new(loss.Message, loss);

    private void Finish(QueuedStep step, Exception? error)
    {
        bool release;
        lock (_gate)
        {
            step.State = QueuedStepState.Idle;
            release = step.Released;
        }
        if (release)
        {
            step.Slot.Dispose();
        }
        End(step, error);
    }

    private static void End(QueuedStep step, Exception? error)
    {
        step.CancellationRegistration.Unregister();
        step.CancellationRegistration = default;
        step.Complete(error);
    }

    private void RegisterCancellation(QueuedStep step, CancellationToken cancellationToken)
    {
        var registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((QueuedStep)state!).Batcher!.Cancel((QueuedStep)state, token), step);
        lock (_gate)
        {
            if (step.State != QueuedStepState.Idle)
            {
                step.CancellationRegistration = registration;
                return;
            }
        }
        registration.Unregister();
    }

    // A late call for an earlier step of the stream finds another token, or one that cancels this step as well.
    private void Cancel(QueuedStep step, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (step.State != QueuedStepState.Waiting || step.Cancellation != cancellationToken)
            {
                return;
            }
            _queue.Remove(step);
        }
        End(step, new OperationCanceledException(cancellationToken));
    }
}
