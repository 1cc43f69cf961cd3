using Grpc.Core;

namespace Dass.Grid.Client;

/// <summary>How a live source is fed.</summary>
public sealed record LiveFeedOptions
{
    /// <summary>Audio that waits in memory while the grid is away; older audio is lost. More than 0.</summary>
    public TimeSpan Buffer { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Directory for audio that waits longer. Null: none does.</summary>
    public string? TapeDirectory { get; init; }

    /// <summary>Audio that the directory holds at most; older audio is lost. More than 0.</summary>
    public TimeSpan Tape { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a grid that does not answer, or refuses, is tried again. Infinite: for ever.</summary>
    public TimeSpan GiveUpAfter { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>The longest pause between two attempts; the first is half a second, and each is twice the one before.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The end of the source ends the stream. Else it stays open, and a later feed of the same id goes on with it.</summary>
    public bool Finish { get; init; }

    /// <summary>
    /// Receives audio once its place in time is known, and when its first sample was heard: whole frames, which may be kept and not be
    /// changed. Called by what writes, and must not wait.
    /// </summary>
    public Action<DateTimeOffset, ReadOnlyMemory<byte>>? Placed { get; init; }

    /// <summary>Receives why a call broke that is tried again.</summary>
    public Action<Exception>? Interrupted { get; init; }

    /// <summary>Receives why the grid does not take the stream; that is tried again, too.</summary>
    public Action<RpcException>? Refused { get; init; }

    /// <summary>Clock of the day, and of pauses.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
